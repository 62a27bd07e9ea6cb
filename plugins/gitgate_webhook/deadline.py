"""An end to a wait."""

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def within(seconds: float, answer: "Deferred[T]", reactor: Any, late: Exception) -> "Deferred[T]":
    """What `answer` gives; after `seconds` it is cancelled, and `late` is raised whatever it makes of that."""

    def expire() -> None:
        outcome.errback(Failure(late))
        answer.cancel()

    def settle(result: T | Failure) -> None:
        if timer.active():
            timer.cancel()
        if not outcome.called:
            outcome.callback(result)

    outcome: Deferred[T] = Deferred(lambda _: answer.cancel())
    timer = reactor.callLater(seconds, expire)
    answer.addBoth(settle)
    return outcome
