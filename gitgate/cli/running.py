"""The process of a server: from the first line that it says to its orderly end."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import click
from twisted.internet import process
from twisted.internet import reactor as _the_reactor
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.python.failure import Failure

from gitgate.cli import logs, systemd
from gitgate.cli.batch import run_as_batch
from gitgate.cli.descriptors import allow_descriptors
from gitgate.cli.orphans import OrphanReaper
from gitgate.cli.start_lines import READY, WARNING
from gitgate.cli.watchdog import Watchdog
from gitgate.config import Config
from gitgate.memory import memory_line, resident
from gitgate.reactor import use_monotonic_clock
from gitgate.server import Server

_log = logging.getLogger(__name__)

#: What to tell people once the server's doors are open.
StartLines = Callable[[Server], Iterable[str]]


def run(config: Config, start_lines: StartLines) -> None:
    """Serve until SIGINT or SIGTERM comes, and then end in order; a second one ends at once.

    Raises what `Server.from_config` and `Server.start` raise.
    """
    reactor: Any = _the_reactor
    logs.start_logging(config.log)
    logs.take_over_twisted()
    use_monotonic_clock(reactor)
    allow_descriptors(config.limits)
    run_as_batch()
    if os.getpid() == 1:
        OrphanReaper(reactor, lambda pid: pid in process.reapProcessHandlers).start()
    reactor.callWhenRunning(Watchdog(reactor).start)
    say = _log_lines if config.audit.file == "-" else _print_lines

    def announce(server: Server) -> None:
        say(start_lines(server))
        _log.info("%s", memory_line(config.limits, resident()))
        say([READY])

    life = _Life(reactor, Server.from_config(config, reactor), announce)
    reactor.callWhenRunning(life.begin)
    reactor.addSystemEventTrigger("before", "shutdown", life.end)
    reactor.run()
    if life.failure is not None:
        raise life.failure


class _Life:
    """One server's start and end on a running reactor. `failure` is why it could not live, or end, as it should."""

    def __init__(self, reactor: Any, server: Server, announce: Callable[[Server], None]) -> None:
        self.failure: BaseException | None = None
        self._reactor = reactor
        self._server = server
        self._announce = announce
        self._starting: Deferred[None] = succeed(None)
        self._never_started = False
        self._asked = False
        self._ending = False

    def begin(self) -> None:
        """Open the doors, and say so; stop the reactor where that is not possible."""
        for number in (signal.SIGINT, signal.SIGTERM):  # Twisted has set its own by now
            signal.signal(number, self._signalled)
        for number in (signal.SIGUSR1, signal.SIGUSR2):  # not ignored, for git would inherit that
            signal.signal(number, lambda number, frame: None)
        self._starting = ensureDeferred(self._start())

    def end(self) -> "Deferred[None]":
        """The reactor stops: so does the server, before."""
        self._ending = True
        systemd.notify("STOPPING=1")
        self._starting.cancel()
        if self._never_started:
            return succeed(None)
        return ensureDeferred(self._server.stop()).addErrback(self._failed)

    async def _start(self) -> None:
        try:
            await self._server.start()
        except CancelledError:
            return
        except Exception as error:
            self._never_started = True
            self._give_up(error)
            return
        try:
            self._announce(self._server)
        except Exception as error:
            # The doors are open: a unix socket would stay behind if this server were not stopped.
            self._give_up(error)
            return
        # What is there now stays. To look through it for cycles would take 15 ms each time, in which nobody is served.
        gc.collect()
        gc.freeze()
        systemd.notify("READY=1")

    def _give_up(self, error: Exception) -> None:
        self.failure = error
        self._stop()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            self._reactor.callFromThread(self._asked_to_stop, signal.Signals(number).name)
            return
        # Whoever asks a third time gets what the system does, even from a process that hangs.
        signal.signal(number, signal.SIG_DFL)
        self._reactor.callFromThread(self._end_at_once)

    def _asked_to_stop(self, name: str) -> None:
        _log.info("stopping: %s", name)
        self._stop()

    def _end_at_once(self) -> None:
        ending = ensureDeferred(self._server.abort()).addErrback(self._failed)
        ending.addBoth(lambda _: self._reactor.crash())

    def _stop(self) -> None:
        if not self._ending:
            self._ending = True
            self._reactor.stop()

    def _failed(self, failure: Failure) -> None:
        self.failure = self.failure or failure.value


def _print_lines(lines: Iterable[str]) -> None:
    try:
        for line in lines:
            click.echo(line)
    except OSError as error:  # nobody reads it; clients come all the same
        _log.warning("standard output cannot be written: %s", error)
        # Python would try again when it ends, fail again, and end with code 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _log_lines(lines: Iterable[str]) -> None:
    """Where standard output has the audit log, which nothing else may stand between."""
    for line in lines:
        _log.log(logging.WARNING if line.startswith(WARNING) else logging.INFO, "%s", line.removeprefix(WARNING))
