"""A few logins of one source at once."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from gitgate.config import Limits
from gitgate.login_turns import LoginTurns
from gitgate.plugin import Credentials, Password, Peer, PublicKey, Transport
from gitgate.refusals import Overloaded

PASSWORD = Password(username="alice", password="guess")
KEY = PublicKey(username="alice", algorithm="ssh-ed25519", blob=b"k", fingerprint="SHA256:x", verified=True)


class Door:
    """Begins logins, which are judged until they are told to end."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = LoginTurns(self.clock, Limits())
        self.judged: list[Deferred[None]] = []

    def login(self, address: str = "192.0.2.1", credentials: Credentials = PASSWORD) -> "Deferred[Any]":
        async def login() -> None:
            peer = Peer(transport=Transport.HTTP, address=address, port=1, encrypted=False)
            async with self.turns.turn(credentials, peer):
                end: Deferred[None] = Deferred()
                self.judged.append(end)
                await end

        return Deferred.fromCoroutine(login())


def test_guesses_from_one_source_keep_nobody_else_from_logging_in() -> None:
    """A hundred connections of one address, with a guess on each, filled all places of the plugin: who came with the
    right password from elsewhere was told to try again."""
    door = Door()
    for _ in range(100):
        door.login()
    assert len(door.judged) == 4
    door.login("192.0.2.2")
    door.login(credentials=KEY)
    door.login("127.0.0.1")  # a proxy, which stands for many
    assert len(door.judged) == 7
    door.judged[0].callback(None)
    assert len(door.judged) == 8
    for judged in door.judged[1:]:
        judged.callback(None)
    while unjudged := [judged for judged in door.judged if not judged.called]:
        unjudged[0].callback(None)
    assert len(door.judged) == 103


def test_who_waits_too_long_is_told_so_and_who_leaves_gives_up_the_place() -> None:
    door = Door()
    outcomes = [door.login() for _ in range(7)]
    outcomes[4].cancel()
    door.judged[0].errback(RuntimeError("a plugin failed"))
    assert len(door.judged) == 5  # that of outcomes[5]
    door.clock.advance(10)
    for index, error in ((4, CancelledError), (0, RuntimeError), (6, Overloaded)):
        failures: list[Any] = []
        outcomes[index].addErrback(failures.append)
        assert failures[0].check(error)
    for judged in door.judged[1:]:
        judged.callback(None)
    assert door.turns._turns == {}


@pytest.mark.parametrize("count", [4, 5])
def test_a_turn_that_is_over_is_somebody_elses(count: int) -> None:
    door = Door()
    for _ in range(count):
        door.login()
    for index in range(count):
        door.judged[index].callback(None)
    assert door.turns._turns == {}
