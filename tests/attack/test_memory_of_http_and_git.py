"""Memory is bounded by configuration: at most 512 KiB for each connection, whatever its client does."""

import gzip
import os
import subprocess
import time

import pytest

from gitgate.wire.pktline import encode

_PER_SESSION_KIB = 512
_CLIENTS = 12


@pytest.fixture(scope="module")
def measured(starting, tmp_path_factory):
    """A site with a repository of 6 MB that cannot be compressed. It has served its first clients."""
    site = starting(tmp_path_factory.mktemp("measured") / "site")
    repository = site.repository("open/big.git")
    client = site.client()
    work = client.work_tree(str(repository))
    (work / "random").write_bytes(os.urandom(6 * 2**20))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    for transport in ("https", "git"):
        client.git("clone", "-q", "--bare", site.url(transport, "open/big.git"), client.home / transport)
    yield site
    site.daemon.close()
    assert "Traceback" not in site.daemon.log()


def settled(site) -> int:
    """The memory of the daemon once it has stopped growing."""
    seen = [site.daemon.memory_kib()]
    while len(seen) < 5 or seen[-1] != seen[-4]:
        assert len(seen) < 300, f"it goes on growing: {seen}"
        time.sleep(0.05)
        seen.append(site.daemon.memory_kib())
    return seen[-1]


def post(service: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [
        f"POST /open/big.git/git-{service}-pack HTTP/1.1",
        "Host: x",
        f"Content-Type: application/x-git-{service}-pack-request",
        *headers,
    ]
    if "Transfer-Encoding: chunked" not in headers:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def clone(transport: str, tip: bytes) -> bytes:
    want = encode(b"want " + tip + b"\n") + b"0000" + encode(b"done\n")
    return encode(b"git-upload-pack /open/big.git\0host=x\0") + want if transport == "git" else post("upload", want)


def push(transport: str, tip: bytes) -> bytes:
    commands = encode(b"0" * 40 + b" " + tip + b" refs/heads/x\0report-status") + b"0000" + b"PACK\0\0\0\2\0\0\xff\xff"
    start = encode(b"git-receive-pack /open/big.git\0host=x\0") if transport == "git" else b""
    return start + commands if start else post("receive", commands, length=10**9)


def trailers(transport: str, tip: bytes) -> bytes:
    return post("receive", b"4\r\n0000\r\n0\r\n" + b"a\r\n" * 21_000, "Transfer-Encoding: chunked")


BOMB = gzip.compress(bytes(50 * 2**20))


def bomb(transport: str, tip: bytes) -> bytes:
    return post("receive", BOMB, "Content-Encoding: gzip", length=10**6)


def questions(transport: str, tip: bytes) -> bytes:
    return b"GET /open/big.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\n\r\n" * 900


KINDS = [
    *[(transport, does) for transport in ("http", "https", "git") for does in (clone, push)],
    *[("http", does) for does in (trailers, bomb, questions)],
]


def test_clients_that_send_what_they_can_and_read_nothing_cost_little(measured, connect):
    """Each sends until nobody takes more from it; what it is answered, it leaves where it is."""
    tip = subprocess.run(
        ["git", "rev-parse", "main"], cwd=measured.root / "open/big.git", check=True, capture_output=True
    ).stdout.strip()
    grown = {}
    for transport, does in KINDS:
        clients = [connect(measured, transport, buffer_bytes=4096) for _ in range(_CLIENTS)]
        before = settled(measured)
        for client in clients:
            client.settimeout(0.02)
            try:
                client.sendall(does(transport, tip))
                for _ in range(30 if does is push else 0):
                    client.sendall(b"\x9c" * 65536)
            except OSError:  # it takes no more, or has closed already
                pass
        grown[transport, does.__name__] = (settled(measured) - before) // _CLIENTS
        for client in clients:
            client.close()
    assert {kind: kib for kind, kib in grown.items() if kib > _PER_SESSION_KIB} == {}
