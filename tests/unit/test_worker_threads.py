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
