"""A policy service for gitgate's webhook plugin, with Python's standard library alone. docs/webhook.md explains it.

    python3 policy_service.py [--port 9417] [--root /srv/git]

Verifies signatures if the variable GITGATE_SECRET holds the secret: whsec_ and 24 to 64 random bytes in base64.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GROUPS = {"alice": ["devs"], "bob": []}
SCRYPT = {"salt": b"one for each user", "n": 2**14, "r": 8, "p": 1}
#: "correct horse battery", as hashlib.scrypt gives it in base64.
PASSWORDS = {"alice": "0FiHW/4W1loLDeRlZACqlqLa6bWFCjNNgZYy9IXWqsEo0+E8cvzV/xh8Evu1scOh56F3G5Iz9Vv8yzXi5lfWRw=="}


def authenticate(message):
    """Who is this? A user that is not ours is left to other plugins."""
    credentials = message["credentials"]
    wanted = PASSWORDS.get(credentials.get("username"))
    if credentials["method"] != "password" or wanted is None:
        return {"decision": "abstain"}
    hashed = hashlib.scrypt(credentials["password"].encode(), **SCRYPT)
    if not hmac.compare_digest(base64.b64encode(hashed).decode(), wanted):
        return {"decision": "deny", "reason": "wrong password"}
    return {"decision": "allow", "identity": {"name": credentials["username"]}, "ttl": 60}


def enrich_identity(message):
    """What else is known of somebody who has logged in, by a key for example?"""
    groups = GROUPS.get(message["identity"]["name"])
    return {"decision": "abstain"} if groups is None else {"decision": "allow", "identity": {"groups": groups}}


def resolve_path(message):
    """Which repository does the path lead to?"""
    name = message["request"]["path"].removeprefix("/").removesuffix(".git")
    directory = Path(options.root or "/nonexistent", f"{name}.git").absolute()
    if not os.access(directory / "HEAD", os.R_OK):
        return {"decision": "deny", "reason": f"there is no {directory}"}
    return {"decision": "allow", "repository": {"directory": str(directory), "name": name}}


def authorize(message):
    """May they do this? Developers work in team/, where main only moves forward; everybody reads public/."""
    folder = message["repository"]["name"].partition("/")[0]
    if folder == "public" and message["request"]["access"] == "read":
        return {"decision": "allow", "reason": "public", "ttl": 60}
    if folder != "team" or "devs" not in message["identity"]["groups"]:
        return {"decision": "abstain"}
    updates = message["request"]["updates"]
    kept = [u["ref"] for u in updates if u["ref"] == "refs/heads/main" and u["change"] in ("rewind", "delete")]
    if kept:
        return {"decision": "deny", "reason": "main stays", "message": "main only moves forward.", "refs": kept}
    return {"decision": "allow", "reason": "a developer in team/", "ttl": 10}


def audited(message):
    """What has happened."""
    print(message["id"], message["record"]["verdict"], message["record"]["path"], flush=True)
    return {}


HOOKS = {hook.__name__: hook for hook in (authenticate, enrich_identity, resolve_path, authorize, audited)}


def is_signed(headers, body, secret):
    """Whether the message is gitgate's, and new: https://www.standardwebhooks.com"""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256"))
    given = headers.get("webhook-signature", "").split()  # one for each secret that gitgate knows
    return any(hmac.compare_digest(b"v1," + signature, each.encode()) for each in given)


class Handler(BaseHTTPRequestHandler):
    """One connection, which gitgate keeps open."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together
    timeout = 60

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if secret and not is_signed(self.headers, body, secret):
            return self.reply(401, {"error": "no signature of this body that is valid now"})
        message = json.loads(body)
        unknown = lambda message: {"decision": "abstain"}  # noqa: E731 - a hook of a later version
        return self.reply(200, HOOKS.get(message["hook"], unknown)(message))

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9417, help="on the loopback address; 0 is any free one")
    parser.add_argument("--root", help="the folder of the repositories")
    options = parser.parse_args()
    secret = os.environ.get("GITGATE_SECRET")
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", "signatures are verified" if secret else "unsigned", flush=True)
    server.serve_forever()
