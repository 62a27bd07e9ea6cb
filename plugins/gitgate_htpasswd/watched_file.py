"""A parsed file that follows its changes."""

import logging
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from gitgate_htpasswd.lines import MalformedFile

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: How often the file is looked at: a changed password counts after this time.
LOOK_EVERY_SECONDS: Final = 1.0

#: What tells one content from another. A time of modification alone does not: programs set it back, and two writes can
#: fall into one tick. No program sets the time of the inode's change (st_ctime), and a renamed file has another inode.
_Version: TypeAlias = tuple[int, int, int, int]


class WatchedFile(Generic[T]):
    """What `parse` makes of a file, made again after the file has changed. Safe to ask from several threads at once.

    A change that cannot be read or parsed is logged, once for each distinct error, and what was read before stays.
    Raises OSError or MalformedFile where the first reading fails.
    """

    def __init__(self, path: Path, parse: Callable[[bytes, Path], T], clock: Callable[[], float]) -> None:
        self._path = path
        self._parse = parse
        self._clock = clock
        self._looking = threading.Lock()
        self._error: str | None = None
        self._next_look = clock() + LOOK_EVERY_SECONDS
        self._version = _version(path)
        self._value = parse(path.read_bytes(), path)

    def current(self) -> T:
        """What the file says now, or said a second ago."""
        if self._looking.acquire(blocking=False):
            try:
                if self._clock() >= self._next_look:
                    self._look()
            finally:
                self._looking.release()
        return self._value

    def _look(self) -> None:
        self._next_look = self._clock() + LOOK_EVERY_SECONDS
        try:
            # In this order: a write between the two is then seen as a new version at the next look.
            version = _version(self._path)
            if version != self._version:
                self._value = self._parse(self._path.read_bytes(), self._path)
                self._version = version
        except (OSError, MalformedFile) as error:
            reason = explain(error, self._path)
            if reason != self._error:
                _log.error("%s; what was read from it before stays in force", reason)
            self._error = reason
        else:
            if self._error is not None:
                _log.info("%s: can be read again", self._path)
            self._error = None


def explain(error: OSError | MalformedFile, path: Path) -> str:
    """What is wrong with the file, for the operator."""
    if isinstance(error, MalformedFile):
        return str(error)
    return f"{path}: cannot be read: {error.strerror or error}"


def _version(path: Path) -> _Version:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        # A pipe would block for as long as nobody writes to it.
        raise MalformedFile(path, "is not a regular file")
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
