"""Questions under way, each of them once."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class Flights(Generic[T]):
    """Lets those who ask the same thing at the same time share one answer.

    Whoever stops waiting takes nothing from the others: the answer belongs to nobody, and comes to its end even if
    nobody waits for it any more.
    """

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[Deferred[T]]] = {}
        self._flights: set[Deferred[T]] = set()

    def join(self, key: bytes, ask: Callable[[], Coroutine[Any, Any, T]]) -> "Deferred[T]":
        """What `ask` returns, called now if nobody is asking what `key` stands for."""
        waiter: Deferred[T] = Deferred(lambda it: self._leave(key, it))
        if key in self._waiting:
            self._waiting[key].append(waiter)
            return waiter
        self._waiting[key] = [waiter]
        flight = Deferred.fromCoroutine(ask())
        self._flights.add(flight)
        flight.addBoth(self._land, key, flight)
        return waiter

    def cancel(self) -> None:
        """End all questions under way; those who wait hear of it."""
        for flight in tuple(self._flights):
            flight.cancel()

    def _leave(self, key: bytes, waiter: "Deferred[T]") -> None:
        if waiter in self._waiting.get(key, ()):
            self._waiting[key].remove(waiter)

    def _land(self, result: T | Failure, key: bytes, flight: "Deferred[T]") -> None:
        self._flights.discard(flight)
        waiters = self._waiting.pop(key)
        if not waiters and isinstance(result, Failure):
            _log.debug("nobody waits any more for what failed: %s", result.getErrorMessage())
        for waiter in waiters:
            waiter.callback(result)
