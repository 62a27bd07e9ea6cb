"""Memory is bounded by configuration: at most 512 KiB for each session, whatever its client does."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from hashlib import sha1
from struct import pack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS
from waiting import wait_until

from gitgate.wire.pktline import encode

_PER_SESSION_KIB = 512
#: What is there once, and was not before: caches, arenas of the allocator.
_ONCE_KIB = 4096


#: The clients of these tests do nothing for a while, and answer no question whether they are there.
CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: authorized-keys, directory: keys.d}
  - use: rules
RULES
  - {use: tree, root: repositories}
limits: {login_deadline: 5m, keepalive_interval: 5m}
"""


@pytest.fixture(scope="module")
def measured(starting: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A site that is measured, with a repository of 6 MB that cannot be compressed. It has served its first clients."""
    site = starting(tmp_path_factory.mktemp("measured") / "site", CONFIGURATION)
    repository = site.repository("open/big.git")
    client = site.client()
    work = client.work_tree(str(repository))
    (work / "random").write_bytes(os.urandom(6 * 2**20))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    client.git("clone", "-q", "--bare", site.url("ssh", "open/big.git"), client.home / "warm")
    yield site
    site.daemon.close()


def settled(site: Any) -> int:
    """The memory of the daemon once it has stopped growing."""
    seen = [site.daemon.memory_kib()]
    while len(seen) < 5 or seen[-1] != seen[-4]:
        assert len(seen) < 200, f"it goes on growing: {seen}"
        time.sleep(0.05)
        seen.append(site.daemon.memory_kib())
    return seen[-1]


def tip(site: Any) -> bytes:
    printed = subprocess.run(
        ["git", "rev-parse", "main"], cwd=site.root / "open/big.git", check=True, capture_output=True
    ).stdout
    return printed.strip()


def test_clients_that_stop_reading_a_clone_cost_little(measured: Any, attack: Any) -> None:
    """A window of 2 GiB, a request for all there is, and not a byte read: stock conch kept 300 MB for one of them."""
    clients = [attack(measured, buffer_bytes=4096) for _ in range(25)]
    before = settled(measured)
    for client in clients:
        client.log_in()
        session = client.execute(b"git-upload-pack '/open/big.git'")
        client.data(session, encode(b"want " + tip(measured) + b"\n") + b"0000" + encode(b"done\n"))

    assert settled(measured) - before < len(clients) * _PER_SESSION_KIB
    assert len(measured.daemon.children("big.git")) >= len(clients)


def test_clients_that_push_to_a_git_that_does_not_read_cost_little(measured: Any, attack: Any) -> None:
    """A pre-receive hook runs, and git reads nothing meanwhile. The client sends what its window of 2 MiB takes."""
    hook = measured.root / "open/big.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nwhile [ ! -e go-on ]; do sleep 0.2; done\n")
    hook.chmod(0o755)
    commit = tip(measured)
    empty_pack = b"PACK\0\0\0\2\0\0\0\0"
    empty_pack += sha1(empty_pack).digest()
    count = 8
    clients = [attack(measured) for _ in range(count)]
    sessions = []
    for number, client in enumerate(clients):
        client.log_in()
        session = client.execute(b"git-receive-pack '/open/big.git'")
        sessions.append(session)
        command = b"%s %s refs/heads/b%d\0report-status side-band-64k" % (b"0" * 40, commit, number)
        client.data(session, encode(command) + b"0000" + empty_pack)
    wait_until(lambda: sum("pre-receive" in line for line in measured.daemon.children("big.git")) == count)
    before = settled(measured)

    for client, session in zip(clients, sessions, strict=True):
        client.socket.settimeout(0.2)
        for _ in range(60):
            client.data(session, b"x" * 32_000)
            if client.is_closed:  # the socket takes no more
                break

    grown = settled(measured) - before
    (measured.root / "open/big.git/go-on").touch()

    assert grown < count * _PER_SESSION_KIB


def never_ends_its_key_exchange(client: Any, wanted: bytes) -> None:
    client.data(client.execute(b"git-upload-pack '/open/big.git'"), wanted)
    client.sendKexInit()


def opens_its_window_byte_by_byte(client: Any, wanted: bytes) -> None:
    session = client.execute(b"git-upload-pack '/open/big.git'", window=0)
    client.data(session, wanted)
    for _ in range(100):
        client.sendPacket(93, pack(">2L", session, 1))


@pytest.mark.parametrize("does", [never_ends_its_key_exchange, opens_its_window_byte_by_byte])
def test_clients_to_whom_nothing_can_be_sent_cost_little(
    measured: Any, attack: Any, does: Callable[[Any, bytes], None]
) -> None:
    """CVE-2025-22869: a key exchange is begun and never ended, while git writes: stock conch kept 300 MB. Without a
    window, it kept all as well, and copied it for each byte that could go."""
    clients = [attack(measured) for _ in range(12)]
    wanted = encode(b"want " + tip(measured) + b"\n") + b"0000" + encode(b"done\n")
    before = settled(measured)
    for client in clients:
        client.log_in()
        does(client, wanted)

    assert settled(measured) - before < len(clients) * _PER_SESSION_KIB


def test_what_is_sent_before_any_command_costs_little(measured: Any, attack: Any) -> None:
    """60 MB were taken from somebody who never named a repository. Here each of ten sessions is sent what its window
    takes, on each of twenty connections."""
    before = settled(measured)
    for _ in range(20):
        client = attack(measured)
        client.log_in()
        sessions = [client.opens() for _ in range(10)]
        client.socket.settimeout(0.2)
        for session in sessions * 2:
            if not client.is_closed:  # else the socket took no more
                client.data(session, b"x" * 32_000)

    assert settled(measured) - before < 20 * _PER_SESSION_KIB


def test_connections_that_wait_cost_little(measured: Any, attack: Any) -> None:
    """`ssh -N`, a hundred times, and as many that never log in."""
    before = settled(measured)
    for _ in range(100):
        attack(measured).log_in()
        attack(measured).exchange_keys()

    assert settled(measured) - before < _ONCE_KIB + 200 * _PER_SESSION_KIB // 4


@pytest.mark.parametrize(
    ("message", "payload"),
    [(90, NS(b"direct-tcpip") + bytes(12)), (81, b""), (82, b""), (80, NS(b"tcpip-forward") + b"\1")],
    ids=["refused-channels", "successes", "failures", "refused-requests"],
)
def test_a_hundred_thousand_messages_of_no_use_cost_nothing(
    measured: Any, attack: Any, message: int, payload: bytes
) -> None:
    """CVE-2026-39827, -39830, -56855, -78662: each channel that was refused, and each answer that nobody waited for,
    left something behind."""
    before = settled(measured)
    for _ in range(10):
        client = attack(measured)
        client.log_in()
        client.socket.sendall(b"".join(client._writer.packet(message, payload) for _ in range(10_000)))

    assert settled(measured) - before < _ONCE_KIB + 10 * _PER_SESSION_KIB
