"""LoginGraceTime: whoever has not logged in has so long from the first byte on, whatever it does meanwhile."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: tree, root: repositories}
limits: {login_deadline: 1s}
"""


def silent(client: Any) -> None:
    """Connects, and says nothing."""


def drips(client: Any) -> None:
    """Sends a letter of its first line now and then."""
    for letter in b"SSH-2.0-slow_" + b"x" * 200:
        client.sendall(bytes([letter]))
        time.sleep(0.05)


@pytest.mark.parametrize("does", [silent, drips], ids=lambda does: does.__name__)
def test_a_client_that_never_comes_to_the_point_is_disconnected(
    another_site: Any, tcp: Callable[[Any], Any], does: Callable[[Any], None]
) -> None:
    """A thousand connections that say nothing, or a letter a minute: conch starts its clock at the login only, sets it
    to ten hours, and sets it anew for every service request."""
    site = another_site(CONFIGURATION)
    started = time.monotonic()
    client = tcp(site)

    def act() -> None:
        try:
            does(client)
        except OSError:
            pass

    acting = threading.Thread(target=act)
    acting.start()
    try:
        while client.recv(4096):
            pass
    except ConnectionResetError:
        pass
    lasted = time.monotonic() - started
    acting.join()

    assert lasted > 0.5
    site.daemon.wait_for_log("closed, no login in time")


def test_a_client_that_exchanges_keys_and_then_waits_is_disconnected(another_site: Any, attack: Any) -> None:
    """The exchange is done, so it is no port scanner; it never tries to log in, or exchanges keys once more."""
    site = another_site(CONFIGURATION)
    waiting, exchanging = attack(site), attack(site)
    for client in (waiting, exchanging):
        client.exchange_keys()
    while not exchanging.is_closed:
        time.sleep(0.2)  # more of them at once would be refused as such
        exchanging.sendKexInit()
        exchanging.exchange_keys()

    assert [message for message, _ in exchanging.received] == [7]
    assert waiting.wait_until_closed() == [7]
