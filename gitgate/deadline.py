"""An end to every wait."""

from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from gitgate.reactor import Clock

T = TypeVar("T")


class DeadlineOver(TimeoutError):
    """There was no answer in time."""


class Abandoned(CancelledError):
    """Whoever waited was cancelled. A CancelledError that is not this one comes out of the answer itself."""


def within(seconds: float, answer: "Deferred[T]", clock: Clock) -> "Deferred[T]":
    """What `answer` gives, or `DeadlineOver` after `seconds`, when `answer` is cancelled.

    Deferred.addTimeout waits for what it has cancelled: a coroutine that catches CancelledError and goes on would keep
    its caller waiting with it. Here the caller goes on; and when the caller is cancelled it gets `Abandoned`, whatever
    the answer makes of its own cancellation.
    """

    def give_up(error: Exception) -> None:
        outcome.errback(Failure(error))
        answer.cancel()

    def expire() -> None:
        give_up(DeadlineOver(f"did not answer within its deadline of {seconds:g} s"))

    outcome: Deferred[T] = Deferred(lambda _: give_up(Abandoned()))

    timer = clock.callLater(seconds, expire)

    def settle(result: T | Failure) -> None:
        if timer.active():
            timer.cancel()
        if not outcome.called:
            outcome.callback(result)

    answer.addBoth(settle)
    return outcome
