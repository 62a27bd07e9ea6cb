"""How long one request may take, and how slowly its client may send and take.

A deadline for silence alone would not do: a byte now and then keeps a connection, and a git with its memory, for ever.
"""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from gitgate.config.model import Limits
from gitgate.git.process import RunningGit
from gitgate.reactor import Clock, Timer

#: What a client has to send within each `limits.stall_deadline` while it is waited for. It is what Twisted reads from a
#: socket at once.
_LEAST_BYTES: Final = 65536


class Stall:
    """One direction. Calls `overdue` where the client is waited for and moves too little in an interval."""

    def __init__(self, clock: Clock, seconds: float, overdue: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._overdue = overdue
        self._timer: Timer | None = None
        self._moved = 0

    def begin(self) -> None:
        """The client is waited for from now on, if it was not before."""
        if self._timer is None:
            self._moved = 0
            self._timer = self._clock.callLater(self._seconds, self._due)

    def moved(self, count: int) -> None:
        """So many bytes came or went."""
        self._moved += count

    def end(self) -> None:
        """The client is not waited for, or has taken all that there was."""
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        if self._moved < _LEAST_BYTES:
            self._overdue()
        else:
            self._timer = None
            self.begin()


class Transfer:
    """One request of one client, between `begin` and `end`; then, perhaps, another one.

    `sending` watches the client while its bytes are waited for, `taking` while ours wait for it: the latter begins
    where a socket is full and ends where it is empty, so there is nothing to count. `overdue` gets the words for the
    log.
    """

    def __init__(self, clock: Clock, limits: Limits, overdue: Callable[[str], None]) -> None:
        self._clock = clock
        self._seconds = float(limits.transfer_deadline)
        self._overdue = overdue
        self._timer: Timer | None = None
        stall = float(limits.stall_deadline)
        self.sending = Stall(clock, stall, lambda: overdue("it sends too slowly"))
        self.taking = Stall(clock, stall, lambda: overdue("it takes too slowly"))

    def begin(self) -> None:
        """A request is known."""
        if self._timer is None:
            self._timer = self._clock.callLater(self._seconds, self._overdue, "its request took too long")

    def end(self) -> None:
        """All of its answer is on its way."""
        self.sending.end()
        self.taking.end()
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None


@implementer(IPushProducer)
class WatchedGit:
    """git as the producer for a client that is watched while git has to wait for it."""

    def __init__(self, git: RunningGit, taking: Stall) -> None:
        self._git = git
        self._taking = taking

    def pauseProducing(self) -> None:
        self._taking.begin()
        self._git.pauseProducing()

    def resumeProducing(self) -> None:
        self._taking.end()
        self._git.resumeProducing()

    def stopProducing(self) -> None:
        self._taking.end()
        self._git.stopProducing()
