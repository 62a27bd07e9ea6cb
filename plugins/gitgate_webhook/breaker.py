"""Leaves a service alone for a while that does not answer.

closed --- `failures` in a row ---> open --- `pause` ---> half-open --- a reply ---> closed
                                     ^                        |
                                     +------- no reply -------+
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from gitgate_webhook.failures import BadReply, NotAsked, ServiceDown
from gitgate_webhook.settings import Breaker

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class CircuitBreaker:
    """Counts questions in a row that had no reply. What is wrong in a reply does not count.

    Otherwise somebody who knows a question that the service answers with an error could keep it from everybody else.
    """

    def __init__(self, settings: Breaker, service: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`service` is what the log calls it."""
        self._settings = settings
        self._service = service
        self._clock = clock
        self._failures = 0
        self._why = ""
        self._opened_at: float | None = None
        self._is_probing = False

    def check(self) -> None:
        """Raises `NotAsked` where a question would not be let through now."""
        if self._opened_at is None:
            return
        seconds = self._opened_at + self._settings.pause - self._clock()
        if self._is_probing or seconds > 0:
            when = "it is being tried now" if self._is_probing else f"it is tried again in {max(1.0, seconds):.0f} s"
            raise NotAsked(f"{self._failures} questions in a row had no reply ({self._why}); {when}")

    async def run(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` returns, or raises. Raises `NotAsked` where the service is left alone."""
        self.check()
        is_probe = self._is_probing = self._opened_at is not None
        try:
            result = await ask()
        except ServiceDown as failure:
            self._failed(str(failure), is_probe=is_probe)
            raise
        except BadReply:
            self._replied()
            raise
        except BaseException:
            if is_probe:  # it was given up before its end, which says nothing about the service
                self._is_probing = False
            raise
        self._replied()
        return result

    def _replied(self) -> None:
        if self._opened_at is not None:
            _log.warning("%s answers again", self._service)
        self._failures, self._opened_at, self._is_probing = 0, None, False

    def _failed(self, why: str, *, is_probe: bool) -> None:
        self._failures += 1
        self._why = why
        if is_probe and self._opened_at is not None:  # no late reply to another question has closed it
            self._opened_at, self._is_probing = self._clock(), False
        elif self._opened_at is None and self._failures >= self._settings.failures:
            self._opened_at = self._clock()
            _log.error(
                "%s: %d questions in a row had no reply (%s); it is tried every %s with one question until it answers",
                self._service,
                self._failures,
                why,
                self._settings.pause,
            )
