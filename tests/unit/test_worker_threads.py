"""What a pool of threads does with more than it can do at once."""

import threading
from functools import partial
from queue import Queue
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from gitgate.worker_threads import ThreadsBusy, WorkerThreads


class ReactorOfCalls(Clock):
    """Makes the calls from other threads when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: Queue[tuple[Any, ...]] = Queue()

    def callFromThread(self, call: Any, /, *args: Any) -> None:  # noqa: N802
        self._calls.put((call, *args))

    def make_one_call(self) -> None:
        call, *args = self._calls.get(timeout=20)
        call(*args)


def test_what_was_cancelled_before_a_thread_was_free_is_never_called_and_what_waits_is_bounded() -> None:
    reactor = ReactorOfCalls()
    threads = WorkerThreads(reactor, "tests")
    go_on = threading.Event()
    called: list[int] = []
    busy = [threads.call(lambda: go_on.wait(20)) for _ in range(8)]
    waiting = [threads.call(partial(called.append, number)) for number in range(64)]
    with pytest.raises(ThreadsBusy):
        threads.call(list)
    cancelled: list[Any] = []
    for answer in waiting[1:]:
        answer.addErrback(cancelled.append)
        answer.cancel()
    assert all(failure.check(CancelledError) for failure in cancelled)
    go_on.set()
    for _ in (*busy, *waiting):
        reactor.make_one_call()
    assert [answer.result for answer in busy] == [True] * 8
    assert (called, len(cancelled)) == ([0], 63)
    threads.stop()


@pytest.fixture
def no_more_threads(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As where pids.max or RLIMIT_NPROC is reached, until it is undone."""

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    return monkeypatch


def test_threads_that_could_not_start_are_started_once_there_is_room(no_more_threads: pytest.MonkeyPatch) -> None:
    """The limit of a container's processes is reached for a moment, as often as a pool has threads, and more."""
    reactor = ReactorOfCalls()
    threads = WorkerThreads(reactor, "tests")
    for _ in range(100):
        with pytest.raises(ThreadsBusy, match="can't start new thread"):
            threads.call(list)
    no_more_threads.undo()
    answer = threads.call(lambda: 42)
    reactor.make_one_call()
    assert answer.result == 42
    threads.stop()


def test_where_no_further_thread_can_start_the_calls_wait_for_the_one_that_lives(
    request: pytest.FixtureRequest,
) -> None:
    reactor = ReactorOfCalls()
    threads = WorkerThreads(reactor, "tests")
    go_on = threading.Event()
    answers = [threads.call(lambda: go_on.wait(20))]
    request.getfixturevalue("no_more_threads")
    answers += [threads.call(lambda: 42), threads.call(lambda: 43)]
    go_on.set()
    for _ in answers:
        reactor.make_one_call()
    assert [answer.result for answer in answers] == [True, 42, 43]
    threads.stop()


def test_who_was_stopped_starts_no_thread_that_nobody_ends() -> None:
    reactor = ReactorOfCalls()
    threads = WorkerThreads(reactor, "stopped")
    answer = threads.call(lambda: 42)
    threads.stop()
    reactor.make_one_call()
    assert answer.result == 42
    with pytest.raises(ThreadsBusy, match="stopped"):
        threads.call(list)
    for thread in threading.enumerate():
        if thread.name == "gitgate-stopped":
            thread.join(20)
            assert not thread.is_alive()
