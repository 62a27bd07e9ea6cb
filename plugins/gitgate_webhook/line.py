"""A bound for what is under way at once."""

from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore

from gitgate_webhook.deadline import within
from gitgate_webhook.failures import NotAsked


class Line:
    """Gives `at_once` turns, and lets `waiting` more wait `seconds` for one; still more are refused at once."""

    def __init__(self, *, at_once: int, waiting: int, seconds: float, reactor: Any) -> None:
        self._turns = DeferredSemaphore(at_once)
        self._waiting = waiting
        self._seconds = seconds
        self._reactor = reactor

    async def wait(self) -> None:
        """Wait for a turn, which `leave` gives back. Raises `NotAsked`."""
        turns = self._turns
        if not turns.tokens and len(turns.waiting) >= self._waiting:
            raise NotAsked(f"{turns.limit} questions are under way and {self._waiting} wait; no more are taken")
        late = NotAsked(f"{turns.limit} questions are under way, and none of them ended within {self._seconds:.3g} s")
        turn: Deferred[Any] = turns.acquire()
        await within(self._seconds, turn, self._reactor, late)

    def leave(self) -> None:
        """The turn is over."""
        self._turns.release()
