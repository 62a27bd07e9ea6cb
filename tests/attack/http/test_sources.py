"""What one address may do over http and git://, where it is not exempt: a running server, and its limits."""

import os
import shutil
import socket
import ssl
import subprocess
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from waiting import wait_until

CONFIGURATION = """
version: 1
listen:
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - use: rules
RULES
  - {use: tree, root: repositories}
limits:
  max_startups: 5:100:5
  per_source_exempt: []
  per_source_max_connections: 4
  per_source_penalties: {authfail: 30s, malformed: 30s, noauth: 0s, min: 45s, max: 10m}
"""

DISCOVER = "/open/r.git/info/refs?service=git-upload-pack"


@pytest.fixture(scope="module")
def guarded(starting, tmp_path_factory):
    site = starting(tmp_path_factory.mktemp("guarded") / "site", CONFIGURATION)
    site.filled("open/r.git", commits=1)
    yield site
    site.daemon.close()
    assert "Traceback" not in site.daemon.log()


@pytest.mark.parametrize(
    ("offence", "source"), [("a wrong password", "127.0.1.1"), ("no http", "127.0.1.2"), ("no git", "127.0.1.3")]
)
def test_who_behaves_badly_twice_is_turned_away_at_every_door(guarded, say, request_for, offence, source):
    """Guessing over many connections, and probing for something that answers: each costs its source some seconds."""
    door, words = {
        "a wrong password": ("http", request_for(DISCOVER, "Authorization: Basic " + b64encode(b"a:guess").decode())),
        "no http": ("http", b"\x16\x03\x01\x02\x00\r\n\r\n"),
        "no git": ("git", b"GET / HTTP/1.1\r\n\r\n"),
    }[offence]
    for _ in range(2):
        assert say(guarded, "http", request_for(DISCOVER), source=source).startswith(b"HTTP/1.1 200 ")
        say(guarded, door, words, source=source)
    assert say(guarded, "http", request_for(DISCOVER), source=source).startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"ERR too many connections or failures from your address" in say(guarded, "git", b"", source=source)
    assert say(guarded, "http", request_for(DISCOVER), source="127.0.1.9").startswith(b"HTTP/1.1 200 ")


def test_who_knocks_at_the_https_port_without_tls_is_told_in_plain_text_and_pays_for_it(guarded, say, request_for):
    address = ("127.0.0.1", int(guarded.daemon.urls["https"].rpartition(":")[2]))
    for _ in range(2):
        with socket.create_connection(address, timeout=40, source_address=("127.0.1.5", 0)) as client:
            client.sendall(request_for(DISCOVER))
            answer = b"".join(iter(lambda client=client: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"an http client on an https:// port: write https:// in its URL" in answer
    assert say(guarded, "http", request_for(DISCOVER), source="127.0.1.5").startswith(b"HTTP/1.1 429 ")


@pytest.mark.parametrize(
    ("name", "options"),
    [("alice@", ()), ("", ("-c", "http.emptyAuth=true"))],
    ids=["a name", "neither name nor password"],
)
def test_what_git_sends_before_it_asks_for_the_password_is_no_guess(
    guarded, say, request_for, unique, tmp_path, name, options
):
    """1. git pushes to http://alice@host, and answers the challenge with the name and an empty password. 2. It asks for
    the password, and logs in. After three pushes everybody at that address was turned away."""
    guarded.repository(f"team/{unique}.git")
    asked = tmp_path / "askpass"
    asked.write_text('#!/bin/sh\ncase "$1" in User*) echo alice;; *) echo wonderland;; esac\n')
    asked.chmod(0o700)
    client = guarded.client()
    url = guarded.url("http", f"team/{unique}.git", user=None).replace("://", f"://{name}")
    work = client.work_tree(guarded.url("http", f"team/{unique}.git"))
    for number in range(4):
        client.commit(work, README=str(number))
        printed = client.git(*options, "push", url, "HEAD", cwd=work, GIT_ASKPASS=str(asked), GIT_TRACE_CURL="1")
        assert printed.count("Authorization: Basic") > printed.count("HTTP/1.1 200 OK")
    assert say(guarded, "http", request_for(DISCOVER)).startswith(b"HTTP/1.1 200 ")
    ours = [line for line in guarded.daemon.log().splitlines() if "127.0.0.1 " in line]
    assert not [line for line in ours if " login: " in line]
    assert [line for line in ours if f" alice git-receive-pack /team/{unique}.git: completed" in line]


def test_equal_guesses_at_the_same_time_count_one_by_one(guarded, connect, say, request_for):
    """1. Somebody sends the same guess twice at the same time. 2. It is hashed once for both, and counts once: so half
    of all guesses cost nothing."""
    guess = request_for(DISCOVER, "Authorization: Basic " + b64encode(b"alice:guess").decode())
    clients = [connect(guarded, "http", source="127.0.1.4") for _ in range(2)]
    for client in clients:
        client.sendall(guess)
    assert [client.recv(100)[:13] for client in clients] == [b"HTTP/1.1 401 "] * 2
    assert say(guarded, "http", request_for(DISCOVER), source="127.0.1.4").startswith(b"HTTP/1.1 429 ")
    for client in clients:
        client.close()


def test_nobody_takes_all_places(guarded, connect, say, request_for):
    """1. One address connects as often as it can, at every door, and says nothing. 2. With the help of a second one all
    places for startups are taken. 3. Whoever has been answered before is not held up by it."""
    served = connect(guarded, "http", source="127.0.2.1")
    served.sendall(request_for(DISCOVER, last=False))
    assert served.recv(100).startswith(b"HTTP/1.1 200 ")
    before = _sockets(guarded)
    held = [connect(guarded, transport, source="127.0.2.2") for transport in ("http", "git", "http", "git")]
    wait_until(lambda: _sockets(guarded) >= before + 4)
    with connect(guarded, "http", source="127.0.2.2") as one_more:
        assert one_more.recv(100).startswith(b"HTTP/1.1 429 ")
    with pytest.raises(OSError, match="EOF|reset|closed"):  # to be told why over TLS would cost us a handshake
        connect(guarded, "https", source="127.0.2.2")

    held.append(connect(guarded, "git", source="127.0.2.3"))
    wait_until(lambda: _sockets(guarded) >= before + 5)
    with connect(guarded, "git", source="127.0.2.4") as client:
        assert b"ERR too busy" in client.recv(100)
    served.sendall(request_for(DISCOVER))
    assert b"HTTP/1.1 200 OK" in b"".join(iter(lambda: served.recv(65536), b""))
    for each in held:
        each.close()


def _sockets(site) -> int:
    """Those that the server has open."""
    folder = Path(f"/proc/{site.daemon.process.pid}/fd")
    number = 0
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # closed meanwhile
            number += str((folder / name).readlink()).startswith("socket:")
    return number


def test_a_renewed_certificate_is_shown_by_the_running_server(guarded):
    port = int(guarded.daemon.urls["https"].rpartition(":")[2])

    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", port))

    before = shown()
    lines = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    named = ("-subj", "/CN=localhost", "-keyout", guarded.folder / "new.key", "-out", guarded.folder / "new.crt")
    subprocess.run([*lines, *named], check=True, capture_output=True)
    for name in ("key", "crt"):
        shutil.move(guarded.folder / f"new.{name}", guarded.folder / f"tls.{name}")
    wait_until(lambda: shown() != before, "the old certificate is shown")
    assert shown() == (guarded.folder / "tls.crt").read_text()
