"""Asks a client that says nothing whether it is still there."""

from collections.abc import Callable

from gitgate.reactor import Clock, Timer


class Keepalive:
    """Calls `ask` after each `seconds` without a word, and `lost` where none came after `count` questions.

    As sshd's ClientAliveInterval and ClientAliveCountMax. A connection that breaks without a packet, as they do behind
    a router that forgets it, would otherwise stay open with all that it holds.
    """

    def __init__(
        self, clock: Clock, seconds: float, count: int, *, ask: Callable[[], bool], lost: Callable[[], None]
    ) -> None:
        """`ask` says whether it has asked: where it could not, the client is not to blame for its silence."""
        self._clock = clock
        self._seconds = seconds
        self._count = count
        self._ask = ask
        self._lost = lost
        self._unanswered = 0
        self._heard = clock.seconds()
        self._timer: Timer = clock.callLater(seconds, self._due)

    def heard(self) -> None:
        """Something came, whatever it was."""
        self._heard = self._clock.seconds()
        self._unanswered = 0

    def stop(self) -> None:
        """Nobody is asked any more."""
        if self._timer.active():
            self._timer.cancel()

    def _due(self) -> None:
        left = self._heard + self._seconds - self._clock.seconds()
        if left > 0 and not self._unanswered:
            self._timer = self._clock.callLater(left, self._due)
        elif self._unanswered >= self._count:
            self._lost()
        else:
            self._unanswered += self._ask()
            self._timer = self._clock.callLater(self._seconds, self._due)
