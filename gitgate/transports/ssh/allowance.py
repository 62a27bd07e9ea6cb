"""How often a client may do what costs us something and is of no use."""

from gitgate.reactor import Clock
from gitgate.wire.malformed import Malformed


class Allowance:
    """So many at once, and so many more each second."""

    def __init__(self, clock: Clock, what: str, *, at_once: int, each_second: float) -> None:
        """`what` says of what there was too much."""
        self._clock = clock
        self._what = what
        self._at_once = at_once
        self._each_second = each_second
        self._left = float(at_once)
        self._since = clock.seconds()

    def spend(self) -> None:
        """It did it once. Raises `Malformed` where that was once too often."""
        now = self._clock.seconds()
        self._left = min(self._left + (now - self._since) * self._each_second, float(self._at_once))
        self._since = now
        if self._left < 1:
            raise Malformed(self._what)
        self._left -= 1
