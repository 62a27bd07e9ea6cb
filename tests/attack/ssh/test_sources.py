"""What one source of connections may do to the others."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from raw_ssh_client import by_password
from waiting import wait_until

CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: tree, root: repositories}
limits: {per_source_exempt: [], max_startups: "4:100:4", per_source_penalties: {authfail: 1m}}
"""


@pytest.fixture
def banner(tcp: Callable[..., socket.socket]) -> Callable[..., bytes]:
    """The first bytes that a new connection from this address gets; none where it is turned away."""

    def read(site: Any, source: str) -> bytes:
        try:
            return tcp(site, source).recv(4)
        except ConnectionResetError:
            return b""

    return read


def test_who_guesses_passwords_is_turned_away_and_nobody_else(
    another_site: Any, attack: Callable[..., Any], banner: Callable[..., bytes]
) -> None:
    """PerSourcePenalties: guesses over many connections, each of which stays below MaxAuthTries. Here one is enough."""
    site = another_site(CONFIGURATION)
    client = attack(site)
    client.begin_login()
    client.asks(by_password("alice", "a guess"))

    assert banner(site, "127.0.0.1") == b""
    assert banner(site, "127.0.0.2") == b"SSH-"


def test_connections_that_do_nothing_leave_room_for_those_who_are_logged_in(
    another_site: Any,
    attack: Callable[..., Any],
    tcp: Callable[..., Any],
    banner: Callable[..., bytes],
) -> None:
    """MaxStartups: all places of those who wait are taken by connections that say nothing. Who has logged in stays."""
    site = another_site(CONFIGURATION)
    alice = attack(site)
    alice.log_in()
    idle = [tcp(site, f"127.0.0.{number}") for number in range(2, 6)]
    assert [each.recv(4) for each in idle] == [b"SSH-"] * 4

    assert banner(site, "127.0.0.9") == b""
    assert alice.whoami() == "alice"

    for each in idle:
        each.close()
    wait_until(lambda: banner(site, "127.0.0.9") == b"SSH-")
