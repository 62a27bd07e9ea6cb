"""Tells when the reactor stands still, and what it stands still in: a plugin whose `async def` waits without await."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, Protocol

from gitgate.reactor import Clock

_log = logging.getLogger(__name__)

_BEAT_SECONDS: Final = 0.25
_LONGEST_SECONDS: Final = 0.75

#: A reactor that is held up all the time is told about so often.
_SECONDS_BETWEEN: Final = 60.0

_FRAMES: Final = 8


class TurningReactor(Clock, Protocol):
    """A reactor (Twisted's IReactorCore and ReactorBase)."""

    @property
    def doIteration(self) -> Callable[..., Any]:  # noqa: N802
        """Waits for the next event."""


class Watchdog:
    """A thread that looks whether the reactor still turns. While it does not, nobody at all is served."""

    def __init__(self, reactor: TurningReactor) -> None:
        self._clock: Clock = reactor
        self._waiting = getattr(reactor.doIteration, "__code__", None)
        self._beat_at = time.monotonic()
        self._watched = threading.get_ident()

    def start(self) -> None:
        """Watch the thread that calls this, in which the reactor runs."""
        self._watched = threading.get_ident()
        self._beat()
        threading.Thread(target=self._watch, name="gitgate-watchdog", daemon=True).start()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        self._clock.callLater(_BEAT_SECONDS, self._beat)

    def _watch(self) -> None:
        while True:
            time.sleep(_BEAT_SECONDS)
            if self.looks():
                time.sleep(_SECONDS_BETWEEN)

    def looks(self) -> bool:
        """Whether there was something to tell."""
        late = time.monotonic() - self._beat_at
        frame = sys._current_frames().get(self._watched)
        # A reactor that is late and waits for events all the same is one that the machine has not let run.
        if late <= _LONGEST_SECONDS or frame is None or frame.f_code is self._waiting:
            return False
        stack = traceback.extract_stack(frame, limit=_FRAMES)
        where = " < ".join(f"{call.name} ({call.filename}:{call.lineno})" for call in reversed(stack))
        _log.error("nobody has been served for %.1f s, because of what runs here: %s", late, where)
        return True
