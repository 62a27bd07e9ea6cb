"""Tells when the reactor stands still, and what it stands still in: a plugin whose `async def` waits without await."""

import logging
import sys
import threading
import time
import traceback
from typing import Final

from gitgate.reactor import Clock

_log = logging.getLogger(__name__)

_BEAT_SECONDS: Final = 0.25
_LONGEST_SECONDS: Final = 0.75

#: A reactor that is held up all the time is told about so often.
_SECONDS_BETWEEN: Final = 60.0

_FRAMES: Final = 8


class Watchdog:
    """A thread that looks whether the reactor still turns. While it does not, nobody at all is served."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
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
            late = time.monotonic() - self._beat_at
            if late > _LONGEST_SECONDS:
                self._tell(late)
                time.sleep(_SECONDS_BETWEEN)

    def _tell(self, late: float) -> None:
        frame = sys._current_frames().get(self._watched)
        stack = traceback.extract_stack(frame, limit=_FRAMES) if frame is not None else ()
        where = " < ".join(f"{call.name} ({call.filename}:{call.lineno})" for call in reversed(stack))
        _log.error("nobody has been served for %.1f s, because of what runs here: %s", late, where)
