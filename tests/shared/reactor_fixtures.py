"""Twisted's reactor, with its signal handlers, for tests of what needs processes or sockets of its own."""

import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

T = TypeVar("T")

Run = Callable[[Coroutine[Any, Any, T]], T]


class TimeThatIsTold:
    """A running reactor with another clock, which goes on where a test says so."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        clock = Clock()
        self.seconds, self.callLater, self.advance = clock.seconds, clock.callLater, clock.advance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@pytest.fixture(scope="session")
def running_reactor() -> Iterator[Any]:
    from twisted.internet import reactor as the_reactor

    reactor: Any = the_reactor
    reactor.startRunning(installSignalHandlers=True)
    yield reactor
    reactor.getThreadPool().stop()  # or else the process waits for its threads, for ever


@pytest.fixture
def run(running_reactor: Any) -> Run[Any]:
    """Runs a coroutine to its end on the reactor, within a minute."""

    def run_to_its_end(coroutine: Coroutine[Any, Any, T]) -> T:
        results: list[T] = []
        errors: list[BaseException] = []
        Deferred.fromCoroutine(coroutine).addCallbacks(results.append, lambda failure: errors.append(failure.value))
        give_up = time.monotonic() + 60
        while not results and not errors:
            assert time.monotonic() < give_up, "still running after a minute"
            running_reactor.iterate(0.01)
        if errors:
            raise errors[0]
        return results[0]

    return run_to_its_end
