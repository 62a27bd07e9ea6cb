"""Writes lines to a file or a pipe, and never waits for whoever reads it."""

import errno
import os
import select
import stat
import sys


class Outlet:
    """An open file or pipe, for whole lines: what is left of one goes out before the next is begun."""

    def __init__(self, descriptor: int, *, after_half_a_line: bool = False) -> None:
        self._descriptor = descriptor
        self._rest = b"\n" if after_half_a_line else b""
        status = os.fstat(descriptor)
        self.inode = (status.st_dev, status.st_ino)
        self._room: select.poll | None = None
        self._most = sys.maxsize
        if not stat.S_ISREG(status.st_mode):
            # A pipe is not made non-blocking, because that would be so for all who have it, such as standard error.
            # Of one that poll(2) calls ready, a write of PIPE_BUF bytes does not wait.
            self._room = select.poll()
            self._room.register(descriptor, select.POLLOUT)
            self._most = select.PIPE_BUF

    def write(self, line: bytes) -> None:
        """Write the line; its end may have to wait for the next one. Raises OSError where not a byte of it went out."""
        self._flush()
        self._rest = line
        try:
            self._flush()
        except OSError:
            if len(self._rest) == len(line):
                self._rest = b""
                raise

    def close(self) -> None:
        """Close it. Raises OSError where the end of a line did not go out."""
        try:
            self._flush()
        except OSError:
            if self._rest.strip():
                raise
        finally:
            os.close(self._descriptor)

    def _flush(self) -> None:
        while self._rest:
            if self._room is not None and not self._room.poll(0):
                raise BlockingIOError(errno.EAGAIN, "whoever reads it does not keep up")
            written = os.write(self._descriptor, self._rest[: self._most])
            self._rest = self._rest[written:]
