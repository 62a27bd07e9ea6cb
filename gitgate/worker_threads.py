"""Threads for what may block. Each plugin has its own, so that one that hangs holds up no other; so has what looks at
repositories. Twisted looks up names in its own.
"""

import inspect
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from gitgate.reactor import Reactor

#: Threads of one pool, and the calls that may wait for one of them before more are refused at once.
_THREADS: Final = 8
_WAITING: Final = 64


class ThreadsBusy(Exception):
    """As many calls wait as may."""


class WorkerThreads:
    """A bounded pool of threads with a bounded queue."""

    def __init__(self, reactor: Reactor, name: str) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, _THREADS, name=f"gitgate-{name}")
        # A call that hangs must not keep the process from ending.
        self._pool.threadFactory = cast(Any, partial(threading.Thread, daemon=True))
        self._calls = 0

    def start(self) -> None:
        """Accept calls."""
        self._pool.start()

    def stop(self) -> None:
        """Start no more calls, and let the running ones end in their own time."""
        # ThreadPool.stop joins its threads, which may hang.
        threading.Thread(target=self._pool.stop, daemon=True).start()

    def call(self, function: Callable[[], object]) -> "Deferred[object]":
        """What `function` returns, called in a thread. Cancelled before a thread was free, it is never called.

        Raises `ThreadsBusy`. A function that returns an awaitable ends in TypeError: a Deferred that was made in a
        thread belongs to no reactor.
        """
        if self._calls >= _THREADS + _WAITING:
            raise ThreadsBusy(f"has {self._calls} questions before it and takes no more")
        cancelled = threading.Event()

        def work() -> object:
            if cancelled.is_set():
                return None
            result = function()
            if isinstance(result, Awaitable):
                if inspect.iscoroutine(result):
                    result.close()
                raise TypeError("a plain `def` returned an awaitable; declare the hook with `async def`")
            return result

        # What the caller gets can be cancelled, and fires at once; the thread is free only when its call has ended.
        answer: Deferred[object] = Deferred(lambda _: cancelled.set())

        def ended(result: object | Failure) -> None:
            self._calls -= 1
            if not answer.called:
                answer.callback(result)

        self._calls += 1
        deferToThreadPool(cast(Any, self._reactor), self._pool, work).addBoth(ended)
        return answer
