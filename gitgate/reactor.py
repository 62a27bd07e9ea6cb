"""What gitgate needs of Twisted's reactor, as types."""

import time
from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """One call that is due later (Twisted's IDelayedCall)."""

    def active(self) -> bool:
        """It has neither been made nor cancelled."""

    def cancel(self) -> None:
        """Do not make it."""

    def reset(self, delay: float) -> None:
        """Make it `delay` seconds from now instead."""


class Clock(Protocol):
    """Tells the time in seconds and calls later (Twisted's IReactorTime); tests pass `twisted.internet.task.Clock`."""

    def seconds(self) -> float:
        """Now; only differences mean anything."""

    def callLater(self, delay: float, call: Callable[..., Any], /, *args: Any) -> Timer:  # noqa: N802
        """Call `call(*args)` after `delay` seconds."""


class Reactor(Clock, Protocol):
    """A running reactor, which also takes calls from other threads (Twisted's IReactorFromThreads)."""

    def callFromThread(self, call: Callable[..., Any], /, *args: Any) -> None:  # noqa: N802
        """Call `call(*args)` in the reactor's thread, soon."""


def use_monotonic_clock(reactor: Any) -> None:
    """Let the timers of `reactor` follow the monotonic clock. To be called before anything is scheduled.

    Twisted's reactor follows the wall clock (`twisted.python.runtime.seconds` is `time.time`): when that is set forward
    by an hour every deadline is over at once, and when it is set back none is for an hour.
    """
    reactor.seconds = time.monotonic
