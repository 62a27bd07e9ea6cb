"""The audit log: a line of JSON for each operation, in a file or on standard output.

What happens to the file is no reason to stop serving, or to wait. A record that cannot be written now is lost; how many
are, is counted and told.
"""

import errno
import logging
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gitgate.audit_json import json_line
from gitgate.outlet import Outlet
from gitgate.plugin import AuditRecord

_log = logging.getLogger(__name__)

#: O_NONBLOCK is for a named pipe, whose opening would wait for a reader.
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY

#: It tells who did what, when and from where.
_MODE: Final = 0o600

_SECONDS_BETWEEN_LOOKS: Final = 1.0


class AuditLogUnusable(Exception):
    """An audit log that cannot be opened; the message says which and why."""


class AuditLog:
    """Writes records to a file, or to standard output where `file` is None.

    A file that was renamed or removed, as logrotate does it, is made anew within about a second. `lost` counts the
    records that could not be written.
    """

    def __init__(self, file: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0
        self._file = file
        self._name = "standard output" if file is None else str(file)
        self._clock = clock
        self._looked_at = clock()
        self._outlet: Outlet | None = None
        self._lost_now = 0

    def open(self) -> None:
        """Open it before there is a record. Raises `AuditLogUnusable`."""
        try:
            self._outlet = self._opened()
        except OSError as error:
            raise AuditLogUnusable(f"cannot open the audit log {self._name}: {_why(error)}") from error

    def write(self, record: AuditRecord) -> None:
        """Write the record, or count it as lost. Raises nothing, and does not wait."""
        try:
            self._current().write(json_line(record))
        except OSError as error:
            self._lose(error)
            return
        if self._lost_now:
            _log.warning("the audit log %s is written again; records that were lost: %d", self._name, self._lost_now)
            self._lost_now = 0

    def close(self) -> None:
        """Close the file. A record that comes later opens it again."""
        self._leave()
        if self._lost_now:
            _log.error("the audit log %s is closed; records that were lost: %d", self._name, self._lost_now)
            self._lost_now = 0

    def _current(self) -> "Outlet":
        now = self._clock()
        if self._outlet is not None and now - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._looked_at = now
            if self._file is not None and _is_elsewhere(self._file, self._outlet):
                self._leave()
        if self._outlet is None:
            self._outlet = self._opened()
        return self._outlet

    def _opened(self) -> "Outlet":
        self._looked_at = self._clock()
        if self._file is None:
            if sys.__stdout__ is None:  # it was closed from the start, and its number may be a client's by now
                raise OSError(errno.EBADF, "it is closed")
            return Outlet(os.dup(sys.__stdout__.fileno()))
        return Outlet(os.open(self._file, _FLAGS, _MODE), after_half_a_line=_ends_in_half_a_line(self._file))

    def _leave(self) -> None:
        outlet, self._outlet = self._outlet, None
        if outlet is None:
            return
        try:
            outlet.close()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if not self._lost_now:
            _log.error("the audit log %s cannot be written, and records are lost: %s", self._name, _why(error))
        self._lost_now += 1
        self.lost += 1


def _is_elsewhere(file: Path, outlet: Outlet) -> bool:
    """Another file stands at the path, or none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return True
    except OSError:  # what is open still takes records
        return False
    return (status.st_dev, status.st_ino) != outlet.inode


def _ends_in_half_a_line(file: Path) -> bool:
    """The process before was ended, or its disk was full, in the middle of a record."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return False
        with file.open("rb") as reading:
            reading.seek(-1, os.SEEK_END)
            return reading.read(1) != b"\n"
    except OSError:  # gitgate need not be allowed to read it
        return False


def _why(error: OSError) -> str:
    return error.strerror or str(error)
