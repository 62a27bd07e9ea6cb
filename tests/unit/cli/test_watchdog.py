"""What is told when the reactor is late."""

import sys
import threading
import time
from collections.abc import Callable
from types import CodeType

import pytest
from twisted.internet.epollreactor import EPollReactor

from gitgate.cli import watchdog as watchdog_module
from gitgate.cli.watchdog import Watchdog

REACTOR = EPollReactor()


def _is_told_in(code: CodeType, enter: Callable[[], object], leave: Callable[[], object]) -> bool:
    """Whether another thread tells of this one while that is in `code`."""
    watchdog = Watchdog(REACTOR)
    watched, told = threading.get_ident(), []

    def look() -> None:
        while sys._current_frames()[watched].f_code is not code:
            time.sleep(0.001)
        told.append(watchdog.looks())
        leave()

    looking = threading.Thread(target=look)
    looking.start()
    enter()
    looking.join()
    return told == [True]


@pytest.fixture(autouse=True)
def _late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog_module, "_LONGEST_SECONDS", -1.0)


def test_a_reactor_that_waits_for_events_is_not_told_about_however_late_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """Others take all of the processor, or the machine was asleep: nothing of gitgate's or a plugin's held it up."""
    assert not _is_told_in(REACTOR.doIteration.__code__, lambda: REACTOR.doIteration(20), REACTOR.wakeUp)
    assert not caplog.records


def test_a_reactor_in_which_something_runs_is_told_about_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    lock = threading.Lock()
    lock.acquire()

    def blocks() -> None:
        lock.acquire()

    assert _is_told_in(blocks.__code__, blocks, lock.release)
    assert "because of what runs here: blocks (" in caplog.text
