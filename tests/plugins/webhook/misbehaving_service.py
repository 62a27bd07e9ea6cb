"""A service that does what its URL says, in a process of its own: `/tag?status=500&body=...`.

Each request is appended to a file, as one line of JSON, before it is answered. Not a test module, but run by tests:

    python misbehaving_service.py RECORD {PORT|SOCKET} [CERTIFICATE KEY [CLIENT_CA]]
"""

import json
import os
import socketserver
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit


class Handler(BaseHTTPRequestHandler):
    """`body` is sent with `status` and `type` (and `header`, one `Name: value`) after `delay` seconds.

    `dribble`: byte by byte, so many seconds apart. `big`: with so many bytes more. `raw`: in place of all that, and
    then the connection is closed. `flood`: a head that has this line again and again. `close`: nothing, and the
    connection is closed. `close_first`: only for the first request of the tag; `close_later`: for all but that one.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = 0
    seen: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        how = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers["content-length"]))
        client = self.client_address[1] if self.client_address else 0
        line = {"path": parts.path, "client": client, "headers": dict(self.headers), "body": body.decode()}
        # One write in append mode: requests that come at once do not mix.
        with Path(RECORD).open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
        if "close_later" in how and parts.path in self.seen:
            how = {**how, "close": "1"}
        is_first = parts.path not in self.seen
        self.seen.add(parts.path)
        if "close" in how or (is_first and "close_first" in how):
            self.close_connection = True
            return
        time.sleep(float(how.get("delay", 0)))
        if "flood" in how:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: a\r\n")
            while True:
                self.wfile.write(how["flood"].encode() * 100)
        if "raw" in how:
            self.wfile.write(how["raw"].encode())
            self.close_connection = True
            return
        reply = how.get("body", '{"decision": "allow", "reason": "said so"}').encode() + b" " * int(how.get("big", 0))
        head = [f"HTTP/1.1 {how.get('status', '200')} X", f"Content-Length: {len(reply)}"]
        if how.get("type", "application/json"):
            head.append(f"Content-Type: {how.get('type', 'application/json')}")
        if "header" in how:
            head.append(how["header"])
        start = "\r\n".join([*head, "", ""]).encode()
        if "dribble" not in how:
            self.wfile.write(start + reply)
            return
        self.wfile.write(start)
        for byte in reply:
            self.wfile.write(bytes([byte]))
            time.sleep(float(how["dribble"]))

    def log_message(self, *arguments: object) -> None:
        """Silence: clients that go away are what the tests are about."""

    def address_string(self) -> str:
        return "client"


class Server(ThreadingHTTPServer):
    request_queue_size = 300
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """The same."""


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    RECORD, place, *tls = sys.argv[1:]
    server: Server | UnixServer
    if place.isdecimal():
        server = Server(("127.0.0.1", int(place)), Handler)
        print(server.server_port, flush=True)
    else:
        server = UnixServer(place, Handler)
        print(0, flush=True)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls[0], tls[1])
        if tls[2:]:
            context.load_verify_locations(tls[2])
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        os._exit(0)
