"""What git says to people, where the transport has no place for it: into the log, a line at a time."""

import logging

from gitgate.wire.printable import printable

_log = logging.getLogger(__name__)

_LONGEST_LINE = 1000
_MOST_LINES = 20


class StderrLog:
    """Logs the first lines of git's standard error. Bounded, for a hook may write without end."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._begun = b""
        self._lines = 0

    def write(self, data: bytes) -> None:
        """Take some more of it."""
        *lines, begun = (self._begun + data).split(b"\n")
        self._begun = begun[:_LONGEST_LINE]
        for line in lines:
            self._log_line(line)

    def close(self) -> None:
        """There is no more."""
        if self._begun:
            self._log_line(self._begun)

    def _log_line(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES:
            _log.info("git: %s [%s]", printable(line, _LONGEST_LINE), self._request_id)
        elif self._lines == _MOST_LINES + 1:
            _log.info("git says more than is logged [%s]", self._request_id)
