"""Logging to standard error: one event, one line.

Everything logs with the standard library. What Twisted logs in its own way is handed over to the logger "twisted".
"""

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gitgate.config.model import LogSettings
from gitgate.outlet import Outlet
from gitgate.wire.printable import printable

_STDERR: Final = 2

#: A message that is longer is cut.
_LONGEST: Final = 10_000

#: The priorities of syslog(3), by which journald sorts.
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)


class TextFormatter(logging.Formatter):
    """`2026-11-23T10:00:00.123Z info gateway: message`, and the lines of a traceback indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname.lower()} {_logger(record)}: {_message(record)}"
        return "\n".join(
            (head, *(f"    {printable(line, _LONGEST)}" for line in _traceback(self, record).splitlines()))
        )


class JsonFormatter(logging.Formatter):
    """An object with `time`, `level`, `logger`, `message` and, where there was one, `exception`: its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _logger(record),
            "message": _message(record),
        }
        if traceback := _traceback(self, record):
            event["exception"] = traceback
        return json.dumps(event)


class JournalFormatter(logging.Formatter):
    """What another formatter makes, each line begun with its priority, as journald reads it (sd-daemon(3))."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in self._inner.format(record).split("\n"))


class LineHandler(logging.Handler):
    """Writes each event to a file descriptor at once.

    What cannot be written is lost: a full disk under the log, a closed pipe, or one whose reader stands still, is no
    reason to stop serving, or to wait. How many were lost is said as soon as it can be. (Of a Python stream, what could
    not be written stays in the buffer, and makes the process end with code 120.)
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._outlet = Outlet(descriptor)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write it."""
        try:
            if self._lost:
                self._outlet.write(self._line(self._loss()))
                self._lost = 0
            self._outlet.write(self._line(record))
        except OSError:
            self._lost += 1  # there is no place left to say it

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def _loss(self) -> logging.LogRecord:
        return logging.LogRecord(
            __name__,
            logging.WARNING,
            __file__,
            0,
            "the log is written again; lines that were lost: %d",
            (self._lost,),
            None,
        )


def start_logging(settings: LogSettings, descriptor: int = _STDERR, environ: Mapping[str, str] = os.environ) -> None:
    """Log to `descriptor` from now on, in place of whatever was set up before."""
    # Nothing of this is shown, and to find it out costs a third of a line (the logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    formatter: logging.Formatter = JsonFormatter() if settings.format == "json" else TextFormatter()
    if _is_journal(descriptor, environ):
        formatter = JournalFormatter(formatter)
    handler = LineHandler(descriptor)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # Twisted tells of every protocol and port at level info; what is worth a line of ours is logged by us.
    logging.getLogger("twisted").setLevel(logging.DEBUG if settings.level == "debug" else logging.WARNING)


def take_over_twisted() -> None:
    """Let what Twisted logs go the same way, from now on and once for the process."""
    from twisted.logger import formatEvent, globalLogBeginner

    def observe(event: Any) -> None:
        failure = event.get("log_failure") or event.get("failure")  # the latter from twisted.python.log
        level = (
            logging.getLevelNamesMapping()[event["log_level"].name.upper()] if "log_level" in event else logging.INFO
        )
        # With a failure, Twisted's text may be a traceback already, or nothing.
        text = formatEvent(event) if failure is None else formatEvent(event).partition("\n")[0] or "Unhandled error"
        raised = None if failure is None else (failure.type, failure.value, failure.getTracebackObject())
        logging.getLogger("twisted").log(level, "%s", text, exc_info=raised)

    observer: Any = observe
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def bug() -> None:
    """Log the exception that is being handled, which nobody expected."""
    if not logging.getLogger().handlers:
        start_logging(LogSettings())
    logging.getLogger(__name__).critical("a bug, in gitgate or in a plugin; please report these lines", exc_info=True)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _logger(record: logging.LogRecord) -> str:
    return record.name.removeprefix("gitgate.")


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # a mistake where it is logged must not harm what goes on there
        message = f"{record.msg} (the values for this message do not fit)"
    return printable(message.strip(), _LONGEST)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""


def _is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """systemd.exec(5): `$JOURNAL_STREAM` names the device and inode of the journal, which may be elsewhere by now."""
    if "JOURNAL_STREAM" not in environ:
        return False
    status = os.fstat(descriptor)
    return environ["JOURNAL_STREAM"] == f"{status.st_dev}:{status.st_ino}"
