"""Files that are read again when they change."""

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from gitgate.plugin.threads import in_thread

T = TypeVar("T")

#: Device, inode, size, and the times of the last write and of the last change. The last one is needed: `cp -p` over a
#: file keeps the inode, may keep the size, and brings the time of the write from elsewhere.
_Stamp: TypeAlias = tuple[int, int, int, int, int]

_SECONDS_BETWEEN_LOOKS: Final = 1.0

_log: Final = logging.getLogger(__name__)


class WatchedFiles(Generic[T]):
    """What some files say, at most about one second behind them.

    `find` names the files: all those of a folder, for example. `parse` makes one value of their contents; it raises
    ValueError where they cannot be used. Both run once at construction, where an OSError or a ValueError is the
    caller's, and later inside `current`, where it is logged and the last good value stays in use.

    Files should be replaced by renaming a new one over the old: what is being written may be read half written.
    """

    def __init__(
        self,
        find: Callable[[], Iterable[Path]],
        parse: Callable[[Mapping[Path, bytes]], T],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._parse = parse
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[Path, _Stamp] | None = None
        self._failure: str | None = None
        self._looked_at = clock()
        self._value = self._read(self._look())

    def current(self) -> T:
        """The last good value. May be called from any thread; looks at the files at most once per second.

        While one thread reads changed files, the others get the value from before, and do not wait.
        """
        if self._lock.acquire(blocking=False):
            try:
                now = self._clock()
                if now - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
                    self._looked_at = now
                    self._refresh()
            finally:
                self._lock.release()
        return self._value

    async def latest(self) -> T:
        """`current` for an `async def` hook: it looks in the plugin's threads, at most once per second."""
        if self._clock() - self._looked_at < _SECONDS_BETWEEN_LOOKS:
            return self._value
        return await in_thread(self.current)

    def _refresh(self) -> None:
        try:
            found = self._look()
            if found == self._seen:
                return
            self._value = self._read(found)
        except OSError as error:
            self._seen = None  # so that files that come back are read, even if their stamps are the old ones
            self._report(f"{_name(error.filename)}: {error.strerror}")
        except ValueError as error:
            self._report(str(error))
        else:
            self._failure = None
            _log.info("read again: %s", ", ".join(map(_name, found)) or "no files")

    def _look(self) -> dict[Path, _Stamp]:
        return {path: _stamp(path) for path in self._find()}

    def _read(self, found: dict[Path, _Stamp]) -> T:
        # The stamps are older than the contents: a write in between is seen at the next look.
        contents = {path: path.read_bytes() for path in found}
        self._seen = found
        return self._parse(contents)

    def _report(self, failure: str) -> None:
        if failure != self._failure:
            self._failure = failure
            _log.error("what was read before stays in use, because the change cannot be: %s", failure)


class WatchedFile(WatchedFiles[T]):
    """What one file says, at most about one second behind it: `WatchedFiles` for a single file."""

    def __init__(self, path: Path, parse: Callable[[bytes], T], *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(lambda: [path], lambda contents: parse(contents[path]), clock=clock)


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        # To open a named pipe would wait for a writer, and to read a device may never end.
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _name(path: object) -> str:
    name = str(path)
    return name if name.isprintable() else repr(name)
