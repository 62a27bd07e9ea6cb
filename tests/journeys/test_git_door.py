"""git:// as raw bytes: what a client may write, and what it gets for the rest."""

import os
import re
import select
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
from waiting import wait_until


def say(site, data: bytes, *, seconds: float = 30) -> bytes:
    """Everything that the door answers until it closes."""
    place = urlsplit(site.daemon.urls["git"])
    with socket.create_connection(("127.0.0.1", place.port), timeout=seconds) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


def request(line: bytes) -> bytes:
    return b"%04x%b" % (len(line) + 4, line)


@pytest.mark.parametrize(
    "data",
    [
        b"0000",
        b"0001",
        b"0003",
        b"zzzz",
        b"ffff",
        b"-001",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        request(b"git-shell /x\0host=h\0"),
        request(b"git-upload-pack"),
        b"fff0" + b"git-upload-pack /" + b"a" * 5000,
    ],
)
def test_who_does_not_speak_git_is_disconnected_without_a_word(site, data):
    assert say(site, data) == b""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (b"/../etc", b"the path has '..' between its slashes"),
        (b"/a//b", b"the path has an empty part"),
        (b"/a\nb", b"the path holds a control character"),
        (b"/\x1b[2J", b"the path holds a control character"),
        (b"/\xff", b"the path is not UTF-8"),
        (b"-x", b"the path starts with '-'"),
    ],
)
def test_a_path_that_cannot_be_one_is_answered_in_words_of_ours(site, path, why):
    answer = say(site, request(b"git-upload-pack " + path + b"\0host=h\0"))
    assert re.fullmatch(rb"[0-9a-f]{4}ERR %b \(id [0-9a-f]{10}\)" % re.escape(why), answer)


def test_what_nobody_may_read_and_what_is_not_there_are_answered_alike(site, unique):
    site.filled(f"secret/{unique}.git", commits=1)
    for name in (unique, f"{unique}-not"):
        answer = say(site, request(f"git-upload-pack /secret/{name}".encode()))
        assert re.fullmatch(rb"[0-9a-f]{4}ERR authentication required, use ssh or https \(id \w{10}\)", answer)


def test_the_host_and_the_version_may_be_missing(site, unique):
    site.filled(f"open/{unique}.git", commits=1)
    for tail in (b"", b"\n", b"\0host=h\0", b"\0host=%s\0\0version=9\0", b"\0host=../../etc\0"):
        answer = say(site, request(f"git-upload-pack /open/{unique}".encode() + tail) + b"0000")
        assert b"refs/heads/main" in answer


def test_half_a_request_is_waited_for_only_as_long_as_a_login_may_take(another_site):
    site = another_site(SHORT)
    began = time.monotonic()
    assert say(site, b"00") == b""
    assert say(site, request(b"git-upload-pack /x" + b"a" * 100)[:50]) == b""
    assert time.monotonic() - began > 0.4


SHORT = """
version: 1
listen: [{url: "git://127.0.0.1:0"}]
plugins:
  - use: rules
RULES
  - {use: tree, root: repositories}
limits: {login_deadline: 300ms, max_connections: 2}
"""


def test_more_connections_than_allowed_are_told_so_and_closed_at_once(another_site):
    site = another_site(SHORT.replace("300ms", "20s"))
    port = urlsplit(site.daemon.urls["git"]).port
    first, second = (socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(2))
    try:
        assert say(site, b"") == request(b"ERR too busy, try again later")
    finally:
        first.close()
        second.close()
    site.filled("open/again.git", commits=1)
    wait_until(lambda: b"refs/heads/main" in say(site, request(b"git-upload-pack /open/again") + b"0000"))


def test_a_client_that_never_reads_what_git_has_said_is_disconnected(another_site):
    """git is ended by its idle deadline, and what it has said waits in the socket of a client that never takes it: as
    many such clients as `max_connections` would shut everybody else out for ever."""
    site = another_site(SHORT.replace("300ms", "5s, idle_deadline: 2s"))
    repository = site.repository("open/big.git")
    client = site.client()
    work = client.work_tree(str(repository))
    (work / "big").write_bytes(os.urandom(10_000_000))  # more than the buffers of both sockets hold
    commit = client.commit(work)
    client.git("push", "-q", "origin", "main", cwd=work)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect(("127.0.0.1", urlsplit(site.daemon.urls["git"]).port))
        connection.sendall(request(b"git-upload-pack /open/big"))
        assert connection.recv(65536)
        connection.sendall(request(b"want " + commit.encode() + b"\n") + b"0000" + request(b"done\n"))

        watching = select.poll()
        watching.register(connection, select.POLLRDHUP)  # its end; that there is something to read is not told
        assert watching.poll(40_000)


@pytest.mark.parametrize("transport", ["ssh", "http", "https", "git"], indirect=True)
def test_a_client_that_is_killed_in_the_middle_of_a_push_leaves_nothing(another_site, transport, unique):
    """The pack stops half-way: git must see the end of its input, or its quarantine stays in the repository."""
    site = another_site()
    repository = site.repository("open/r.git")
    client = site.client("alice").configured(pack_packSizeLimit="0")
    work = client.work_tree(site.url(transport, "open/r"))
    (work / "big").write_bytes(os.urandom(20_000_000))
    client.git("add", "big", cwd=work)
    client.git("commit", "-q", "-m", "big", cwd=work)
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    pushing = client.popen("push", "-q", "origin", "main", cwd=work)
    wait_until(lambda: list(repository.glob("objects/tmp_objdir-*")) or pushing.poll() is not None)
    os.killpg(pushing.pid, signal.SIGKILL)
    pushing.wait()
    wait_until(lambda: not site.daemon.children() and not list(repository.glob("objects/tmp_objdir-*")))
    assert client.git("ls-remote", site.url(transport, "open/r")) == ""
    assert site.daemon.close() == 0
