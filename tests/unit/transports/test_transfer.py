"""How long a request may take, and how slow its client may be."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from gitgate.config import Limits
from gitgate.plugin import Duration
from gitgate.transports.transfer import Transfer, WatchedGit


class Watch:
    """A transfer with a minute for each 64 KiB, and an hour in all. `said` is what was found too slow."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        limits = Limits(stall_deadline=Duration(60), transfer_deadline=Duration(3600))
        self.transfer = Transfer(self.clock, limits, self.said.append)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_byte_now_and_then_is_too_slow(watch: Watch) -> None:
    """1. A client sends a byte of a push every nine minutes. 2. It is never silent, and its git runs for ever."""
    watch.transfer.sending.begin()
    for _ in range(60):
        watch.transfer.sending.moved(1)
        watch.clock.advance(1)
    assert watch.said == ["it sends too slowly"]


def test_a_slow_line_is_fast_enough(watch: Watch) -> None:
    watch.transfer.sending.begin()
    for _ in range(300):
        watch.transfer.sending.moved(1100)
        watch.clock.advance(1)
    assert watch.said == []


def test_what_came_in_one_interval_does_not_count_in_the_next(watch: Watch) -> None:
    watch.transfer.sending.begin()
    watch.transfer.sending.moved(10_000_000)
    watch.clock.advance(60)
    assert watch.said == []
    watch.clock.advance(60)
    assert watch.said == ["it sends too slowly"]


def test_a_client_that_nobody_waits_for_has_time(watch: Watch) -> None:
    watch.transfer.sending.begin()
    watch.clock.advance(59)
    watch.transfer.sending.end()
    watch.clock.advance(1000)
    watch.transfer.sending.begin()
    watch.clock.advance(59)
    assert watch.said == []


def test_that_it_is_waited_for_again_and_again_does_not_prolong_it(watch: Watch) -> None:
    for _ in range(60):
        watch.transfer.taking.begin()
        watch.clock.advance(1)
    assert watch.said == ["it takes too slowly"]


def test_a_request_ends_at_some_time_however_fast_it_goes(watch: Watch) -> None:
    """A body that never ends, at full speed, is none that anybody wants."""
    watch.transfer.begin()
    watch.transfer.sending.begin()
    for _ in range(3600):
        watch.transfer.sending.moved(10_000_000)
        watch.clock.advance(1)
    assert watch.said == ["its request took too long"]


def test_nothing_is_waited_for_when_it_is_over(watch: Watch) -> None:
    watch.transfer.begin()
    watch.transfer.sending.begin()
    watch.transfer.taking.begin()
    for _ in range(2):
        watch.transfer.end()
    assert watch.clock.getDelayedCalls() == []


def test_a_git_that_has_to_wait_for_its_client_is_watched(watch: Watch) -> None:
    class Git:
        def __init__(self) -> None:
            self.calls: list[str] = []

        def __getattr__(self, name: str) -> Any:
            return lambda: self.calls.append(name)

    git = Git()
    watched = WatchedGit(git, watch.transfer.taking)  # type: ignore[arg-type]
    watched.pauseProducing()
    watch.clock.advance(59)
    watched.resumeProducing()
    watch.clock.advance(1000)
    watched.pauseProducing()
    watched.stopProducing()
    watch.clock.advance(1000)
    assert (git.calls, watch.said) == (
        ["pauseProducing", "resumeProducing", "pauseProducing", "stopProducing"],
        [],
    )
