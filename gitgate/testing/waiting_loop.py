"""As much of a reactor as threads and deadlines need, in the thread of a test."""

import queue
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gitgate.reactor import Reactor

T = TypeVar("T")


class WaitingLoop(Clock):
    """Runs one coroutine after the other, each to its end. Timers are due in real time; there are no sockets."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._began = time.monotonic()

    @property
    def reactor(self) -> Reactor:
        """This loop, as gitgate's own code wants to have it."""
        return cast(Reactor, self)

    def callFromThread(self, call: Callable[..., Any], /, *arguments: Any) -> None:  # noqa: N802
        """Call it in `run`, soon."""
        self._calls.put(lambda: call(*arguments))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What `coroutine` returns, or what it raises."""
        results: list[T] = []
        errors: list[BaseException] = []
        Deferred.fromCoroutine(coroutine).addCallbacks(results.append, lambda failure: errors.append(failure.value))
        while not results and not errors:
            try:
                self._calls.get(timeout=0.005)()
            except queue.Empty:
                pass
            self.advance(time.monotonic() - self._began - self.seconds())
        if errors:
            raise errors[0]
        return results[0]
