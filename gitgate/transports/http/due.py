"""What is to be done when somebody has waited for too long."""

from collections.abc import Callable

from gitgate.reactor import Clock, Timer


class Due:
    """One thing at a time. A timer that is there already serves again: to move it is quicker than to make another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: Timer | None = None
        self._call: Callable[[], object] | None = None

    def set(self, seconds: float, call: Callable[[], object]) -> None:
        """Call this in so many seconds, in the place of what was set before."""
        self._call = call
        if self._timer is not None and self._timer.active():
            self._timer.reset(seconds)
        else:
            self._timer = self._clock.callLater(seconds, self._is_due)

    def clear(self) -> None:
        """Call nothing. More can be set."""
        self._call = None

    def end(self) -> None:
        """Call nothing any more, and leave no timer behind."""
        self._call = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _is_due(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()
