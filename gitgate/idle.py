"""Tells when nothing has happened for too long."""

from collections.abc import Callable

from gitgate.reactor import Clock, Timer


class IdleTimer:
    """Calls `fell_silent` once `moved` was not called for `seconds`. One timer, however often something moves."""

    def __init__(self, clock: Clock, seconds: float, fell_silent: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._fell_silent = fell_silent
        self._last = clock.seconds()
        self._timer: Timer = clock.callLater(seconds, self._due)

    def moved(self) -> None:
        """Something happened just now."""
        self._last = self._clock.seconds()

    def stop(self) -> None:
        """Nothing more is waited for."""
        if self._timer.active():
            self._timer.cancel()

    def _due(self) -> None:
        left = self._last + self._seconds - self._clock.seconds()
        if left > 0:
            self._timer = self._clock.callLater(left, self._due)
        else:
            self._fell_silent()
