"""Coroutines of which most have nothing to wait for.

A Deferred, a deadline and the timer for that cost more than an answer that comes from memory. So a coroutine is begun
first, and only where it then waits for something there is a Deferred of it.
"""

from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """A coroutine that waits for something; `outcome` is what will come of it."""

    outcome: "Deferred[T]"


def begin(coroutine: Coroutine[Any, Any, T]) -> T | Waiting[T]:
    """What `coroutine` returns, or raises, where it waits for nothing."""
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Waiting(Deferred.fromCoroutine(_rest(coroutine, awaited)))


def _rest(coroutine: Coroutine[Any, Any, T], awaited: Any) -> Generator["Deferred[Any]", Any, T]:
    """The coroutine from where it waits for `awaited`."""
    while True:
        try:
            try:
                outcome = yield awaited
            except GeneratorExit:
                coroutine.close()  # nobody waits for it any more
                raise
            except BaseException as error:
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
