"""What plugins log while they are asked, for an operator who looks on."""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from gitgate.config import PluginEntry
from gitgate.wire.printable import printable

_LONGEST: Final = 1000

#: In place of a line that must not be seen.
_WITHHELD: Final = "(a line that holds the password is not shown)"


class PluginLog(logging.Handler):
    """Keeps the lines that the plugins' own modules log, from level debug on, until they are taken.

    What gitgate logs, or a library that a plugin uses, is not among them: only a plugin's author has promised to log no
    secrets. As not all authors keep that promise, a line that holds one of `secrets` is withheld.
    """

    def __init__(self, entries: Iterable[PluginEntry], secrets: Iterable[str] = ()) -> None:
        super().__init__(logging.DEBUG)
        self._packages = {entry.name: _package(entry.plugin_class) for entry in entries}
        self._secrets = {written for secret in secrets if secret for written in _ways_to_write(secret)}
        self._lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; called in any thread."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # the values do not fit; the server's own log tells such a mistake
            message = str(record.msg)
        if any(secret in message for secret in self._secrets):
            message = _WITHHELD
        self._lines.append((record.name.partition(".")[0], printable(message.strip(), _LONGEST)))

    def take(self, plugin: str) -> list[str]:
        """The lines since the last call that modules of this plugin have logged. Those of others are dropped."""
        lines, self._lines = self._lines, []
        return [line for package, line in lines if package == self._packages[plugin]]

    @contextmanager
    def attached(self) -> Iterator[None]:
        """While it is, the lines come here and nowhere else."""
        loggers = [logging.getLogger(package) for package in sorted(set(self._packages.values()))]
        before = [(logger.level, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.addHandler(self)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
        try:
            yield
        finally:
            for logger, (level, propagate) in zip(loggers, before, strict=True):
                logger.removeHandler(self)
                logger.setLevel(level)
                logger.propagate = propagate


def _package(plugin_class: type) -> str:
    return plugin_class.__module__.partition(".")[0]


def _ways_to_write(secret: str) -> Iterator[str]:
    yield secret
    yield repr(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
