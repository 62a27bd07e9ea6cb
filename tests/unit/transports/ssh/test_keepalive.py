from typing import Any

import pytest
from twisted.internet.task import Clock

from gitgate.transports.ssh.keepalive import Keepalive


class Watched:
    """What happened when, with questions at seconds after which `can_ask` says that they could be asked."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.events: list[tuple[float, str]] = []
        self.can_ask = True
        self.keepalive = Keepalive(self.clock, 10.0, 3, ask=self.ask, lost=lambda: self.happened("lost"))

    def happened(self, what: str) -> None:
        self.events.append((self.clock.seconds(), what))

    def ask(self) -> bool:
        self.happened("asked" if self.can_ask else "could not ask")
        return self.can_ask

    def wait(self, seconds: int) -> None:
        self.clock.pump([1] * seconds)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_who_never_answers_is_lost_after_the_last_question(watched: Any) -> None:
    watched.wait(100)

    assert watched.events == [(10, "asked"), (20, "asked"), (30, "asked"), (40, "lost")]
    assert watched.clock.getDelayedCalls() == []


def test_who_answers_is_asked_again_when_it_was_silent_for_long_enough(watched: Any) -> None:
    for _ in range(3):
        watched.wait(12)
        watched.keepalive.heard()

    assert watched.events == [(10, "asked"), (22, "asked"), (34, "asked")]


def test_who_says_something_by_itself_is_not_asked(watched: Any) -> None:
    for _ in range(10):
        watched.wait(9)
        watched.keepalive.heard()

    assert watched.events == []


def test_who_could_not_be_asked_is_not_to_blame(watched: Any) -> None:
    watched.can_ask = False
    watched.wait(100)

    assert {what for _, what in watched.events} == {"could not ask"}


def test_nobody_is_asked_after_the_end(watched: Any) -> None:
    watched.wait(15)
    watched.keepalive.stop()
    watched.wait(100)

    assert watched.events == [(10, "asked")]
