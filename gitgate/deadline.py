"""An end to every wait."""

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gitgate.reactor import Clock

T = TypeVar("T")


def within(seconds: float, answer: "Deferred[T]", clock: Clock) -> "Deferred[T]":
    """What `answer` gives, or TimeoutError after `seconds`, when `answer` is cancelled.

    Deferred.addTimeout waits for what it has cancelled: a coroutine that catches CancelledError and goes on would keep
    its caller waiting with it. Here the caller goes on.
    """
    outcome: Deferred[T] = Deferred(lambda _: answer.cancel())

    def expire() -> None:
        outcome.errback(Failure(TimeoutError(f"did not answer within its deadline of {seconds:g} s")))
        answer.cancel()

    timer = clock.callLater(seconds, expire)

    def settle(result: T | Failure) -> None:
        if timer.active():
            timer.cancel()
        if not outcome.called:
            outcome.callback(result)

    answer.addBoth(settle)
    return outcome
