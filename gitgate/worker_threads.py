"""Threads for what may block. Each plugin has its own, so that one that hangs holds up no other; so has what looks at
repositories. Twisted looks up names in its own.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gitgate.reactor import Reactor

#: Threads of one pool, and the calls that may wait for one of them before more are refused at once.
_THREADS: Final = 8
_WAITING: Final = 64

_Work: TypeAlias = Callable[[], None]


class ThreadsBusy(Exception):
    """As many calls wait as may, or there is no thread to make them."""


class WorkerThreads:
    """A bounded pool of threads with a bounded queue.

    Not Twisted's ThreadPool, which joins its threads when it is stopped, and those of a plugin may hang; and to hand a
    call over costs that one four times as much, at each question of each request.
    """

    def __init__(self, reactor: Reactor, name: str) -> None:
        self._reactor = reactor
        self._name = f"gitgate-{name}"
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads = 0
        self._calls = 0
        self._is_stopped = False

    def stop(self) -> None:
        """Start no more calls than wait already, and let those end in their own time."""
        self._is_stopped = True
        for _ in range(self._threads):
            self._queue.put(None)
        self._threads = 0

    def call(self, function: Callable[[], object]) -> "Deferred[object]":
        """What `function` returns, called in a thread. Cancelled before a thread was free, it is never called.

        Raises `ThreadsBusy`. A function that returns an awaitable ends in TypeError: a Deferred that was made in a
        thread belongs to no reactor.
        """
        if self._is_stopped:
            raise ThreadsBusy("has been stopped and takes no more questions")
        if self._calls >= _THREADS + _WAITING:
            raise ThreadsBusy(f"has {self._calls} questions before it and takes no more")
        # What the caller gets can be cancelled, and fires at once; the thread is free only when its call has ended.
        answer: Deferred[object] = Deferred()

        def ended(result: object | Failure) -> None:
            self._calls -= 1
            if not answer.called:
                answer.callback(result)

        def work() -> None:
            result = None if answer.called else _result_of(function)
            self._reactor.callFromThread(ended, result)

        if self._threads < min(self._calls + 1, _THREADS):
            self._start_thread()
        self._calls += 1
        self._queue.put(work)
        return answer

    def _start_thread(self) -> None:
        # A call that hangs must not keep the process from ending.
        thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # A limit of the system (pids.max, RLIMIT_NPROC). The next call tries again; where a thread lives, this one
            # waits for it.
            if self._threads == 0:
                raise ThreadsBusy(f"has no thread for its questions: {error}") from error
        else:
            self._threads += 1

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            del work  # or what it holds would stay until the next one


def _result_of(function: Callable[[], object]) -> object | Failure:
    try:
        result = function()
        if isinstance(result, Awaitable):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError("a plain `def` returned an awaitable; declare the hook with `async def`")
        return result
    except BaseException:
        # SystemExit too: a plugin that calls sys.exit() has failed, and its thread goes on.
        return Failure()
