"""Coroutines of which most have nothing to wait for.

A Deferred, a deadline and the timer for that cost more than an answer that comes from memory. So a coroutine is begun
first, and only where it then waits for something there is a Deferred of it.
"""

from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """A coroutine that waits for something; `outcome` is what will come of it."""

    outcome: "Deferred[T]"


def begin(coroutine: Coroutine[Any, Any, T]) -> T | Waiting[T]:
    """What `coroutine` returns, or raises, where it waits for nothing.

    As with Twisted alone, all of it runs in one context, a copy of the caller's: what it sets there is its own, and
    can be reset after it has waited.
    """
    context = copy_context()
    try:
        awaited = context.run(coroutine.send, None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Waiting(Deferred.fromCoroutine(_rest(coroutine, awaited, context)))


def _rest(coroutine: Coroutine[Any, Any, T], awaited: Any, context: Context) -> Generator["Deferred[Any]", Any, T]:
    """The coroutine from where it waits for `awaited`."""
    while True:
        try:
            try:
                outcome = yield awaited
            except GeneratorExit:
                context.run(coroutine.close)  # nobody waits for it any more
                raise
            except BaseException as error:
                awaited = context.run(coroutine.throw, error)
            else:
                awaited = context.run(coroutine.send, outcome)
        except StopIteration as end:
            result: T = end.value
            return result
