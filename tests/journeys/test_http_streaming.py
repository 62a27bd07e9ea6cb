"""Nothing is buffered whole, and nothing stays behind, over http and https."""

import os
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
from waiting import wait_until

MEBIBYTE_IN_KIB = 1024


@pytest.fixture(params=["http", "https"])
def web(request):
    return request.param


def of(site, unique: str) -> list[str]:
    """The processes that serve the repository."""
    return site.daemon.children(unique)


def noise(client, work, mebibytes: int) -> None:
    """A commit whose pack is as large as it is: nothing in it can be compressed."""
    with (work / "noise").open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(2**20))
    client.git("add", "noise", cwd=work)
    client.git("commit", "-q", "-m", "noise", cwd=work)


def test_a_client_that_does_not_read_costs_no_memory_and_leaves_nothing_behind(another_site):
    site = another_site()
    repository = site.repository("open/stalled.git")
    client = site.client()
    work = client.work_tree(str(repository))
    noise(client, work, 30)
    client.git("push", "-q", "origin", "main", cwd=work)
    head = client.git("rev-parse", "HEAD", cwd=work).strip()
    place = urlsplit(site.daemon.urls["http"])
    body = f"0032want {head}\n00000009done\n"
    before = site.daemon.memory_kib("VmHWM")
    with socket.create_connection((place.hostname, place.port), timeout=20) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        stalled.sendall(
            "POST /open/stalled.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/x-git-upload-pack-request\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        assert stalled.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        # git waits, blocked on its pipe, for a client that does not read: it has used its time and is still there.
        assert of(site, "stalled")
        time.sleep(1)
        assert of(site, "stalled")
        assert site.daemon.memory_kib("VmHWM") - before < 8 * MEBIBYTE_IN_KIB
    wait_until(lambda: not of(site, "stalled"), "git still runs")


def test_a_client_that_is_killed_while_it_clones_leaves_nothing_behind(site, web, unique, long_line):
    repository = site.repository(f"team/{unique}.git")
    client = site.client()
    work = client.work_tree(str(repository))
    noise(client, work, 5)
    client.git("push", "-q", "origin", "main", cwd=work)
    url = site.url(web, f"team/{unique}.git").replace(site.daemon.urls[web].rpartition(":")[2], str(long_line(web)))
    clone = client.configured(http_lowSpeedLimit="0").popen("clone", url, "clone")
    wait_until(lambda: any("upload-pack" in command for command in of(site, unique)), "git has not started")
    os.killpg(clone.pid, signal.SIGKILL)
    clone.wait()
    wait_until(lambda: not of(site, unique), "git still runs")


def test_a_client_that_is_killed_while_it_pushes_leaves_nothing_behind(site, web, unique):
    repository = site.repository(f"team/{unique}.git")
    client = site.client()
    work = client.work_tree(site.url(web, f"team/{unique}.git"))
    noise(client, work, 30)
    hook = repository / "hooks" / "pre-receive"  # a push that was quicker than the signal leaves no ref either
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    push = client.popen("push", "-q", "origin", "main", cwd=work)
    wait_until(lambda: list(repository.glob("objects/tmp_objdir-incoming-*")), "nothing has arrived")
    os.killpg(push.pid, signal.SIGKILL)
    push.wait()
    wait_until(lambda: not of(site, unique), "git still runs")
    assert list(repository.glob("objects/tmp_objdir-incoming-*")) == []
    assert client.git("for-each-ref", cwd=repository) == ""


def test_a_connection_that_is_lost_in_the_middle_of_a_compressed_push_stores_nothing(site, unique):
    repository = site.repository(f"open/{unique}.git")
    place = urlsplit(site.daemon.urls["http"])
    with socket.create_connection((place.hostname, place.port), timeout=20) as client:
        client.sendall(
            f"POST /open/{unique}.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
            "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 1000\r\n\r\n".encode()
            + b"\x1f\x8b\x08\0\0\0\0\0\0\3"
        )
    site.daemon.wait_for_log(f"git-receive-pack /open/{unique}.git: ")
    assert not of(site, unique)
    assert list(repository.glob("objects/tmp_objdir-incoming-*")) == []


def test_a_push_that_git_refuses_before_its_end_is_refused_in_the_words_of_git(another_site, web, unique):
    """git reads no further, and its client sends on: the connection was reset, and the user read "RPC failed"."""
    site = another_site(SMALL_PUSHES)
    site.repository(f"team/{unique}.git")
    client = site.client()
    work = client.work_tree(site.url(web, f"team/{unique}.git"))
    noise(client, work, 20)
    printed = client.git("push", "origin", "main", cwd=work, fails=True)
    assert "remote: fatal: pack exceeds maximum allowed size" in printed
    assert "! [remote rejected] main -> main (unpacker error)" in printed
    assert "RPC failed" not in printed


def test_more_https_clients_than_allowed_are_closed_at_once(another_site):
    """Twisted's TLS factory wraps the None for "closed" as if it were a protocol: the client stayed, for ever."""
    site = another_site(FULL)
    port = urlsplit(site.daemon.urls["https"]).port
    with socket.create_connection(("127.0.0.1", port), timeout=30):
        time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as second:
            assert second.recv(1) == b""
    assert "Traceback" not in site.daemon.log()


FULL = """
version: 1
listen: [{url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}]
plugins:
  - use: rules
RULES
  - {use: tree, root: repositories}
limits: {max_connections: 1}
"""

SMALL_PUSHES = """
version: 1
listen:
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - use: rules
RULES
  - {use: tree, root: repositories}
git: {max_push_size: 1MiB}
"""
