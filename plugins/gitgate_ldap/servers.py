"""Which server is asked: the first that answers, without waiting again and again for those that do not.

A server that failed is left alone for a second, then for twice as long each time, at most half a minute; after that,
one thread tries it, and the others pass it by. A server that was not heard of lately is tried by one thread as well,
and the others wait for what comes of it: eight logins at once at a server that swallows packets wait for one deadline.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeVar

from gitgate_ldap.errors import NoServer, ServerFailed
from gitgate_ldap.uris import Endpoint

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0

#: For so long after it has answered, a server needs no trying.
_TRUSTED_SECONDS: Final = 1.0

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class _Turn(Enum):
    """What a thread does with a server: `TRY` it, for all the others; `USE` it, which works; or `PASS` it by."""

    TRY = auto()
    USE = auto()
    PASS = auto()


@dataclass(slots=True)
class _Server:
    """What is known of one server. `trouble` is None while it works; `heard_at` is when it last answered."""

    endpoint: Endpoint
    trouble: str | None = None
    failed_at: float = 0.0
    pause: float = 0.0
    heard_at: float | None = None
    is_being_tried: bool = False


class Servers:
    """The servers of one directory, in the operator's order. Safe to use from several threads; `clock` only rises.

    `forget` is told of each server that fails.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], clock: Callable[[], float], forget: Callable[[Endpoint], None]
    ) -> None:
        self._servers = {endpoint: _Server(endpoint) for endpoint in endpoints}
        self._clock = clock
        self._forget = forget
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._servers)

    def open(self, connect: Callable[[Endpoint], T]) -> T:
        """What `connect` makes of the first server for which it does not raise `ServerFailed`.

        It has to get an answer of the server: for one that is stopped, the system still takes connections.

        Raises `NoServer`, which tells what is wrong with each, and a `ServerFailed` that is final.
        """
        troubles = []
        for server in self._servers.values():
            turn, trouble = self._wait_for_turn(server)
            if turn is _Turn.PASS:
                troubles.append(trouble)
                continue
            try:
                connection = connect(server.endpoint)
            except ServerFailed as failure:
                self.failed(server.endpoint, failure)
                if failure.is_final:
                    raise
                troubles.append(str(failure))
            else:
                self._heard_of(server)
                return connection
            finally:
                if turn is _Turn.TRY:
                    self._tried(server)
        raise NoServer("no server can be asked: " + "; ".join(troubles))

    def failed(self, endpoint: Endpoint, failure: ServerFailed) -> None:
        """The server is to be left alone for a while: `open` says so of its own, and who uses a connection of its."""
        with self._changed:
            server = self._servers[endpoint]
            now = self._clock()
            was_working = server.trouble is None
            if was_working or now >= server.failed_at + server.pause:
                server.pause = min(server.pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
                server.failed_at = now
            server.trouble = str(failure)
        self._forget(endpoint)
        if was_working:
            _log.warning("%s; it is tried again from now on, every %g s at least", failure, _LONGEST_PAUSE)

    def _wait_for_turn(self, server: _Server) -> tuple[_Turn, str]:
        """What to do with the server, as soon as that is known, and what is wrong with it."""
        with self._changed:
            while True:
                now = self._clock()
                if server.trouble is not None:
                    if server.is_being_tried or now < server.failed_at + server.pause:
                        return _Turn.PASS, f"{server.trouble} ({now - server.failed_at:.0f} s ago)"
                elif server.heard_at is not None and now < server.heard_at + _TRUSTED_SECONDS:
                    return _Turn.USE, ""
                if not server.is_being_tried:
                    server.is_being_tried = True
                    return _Turn.TRY, ""
                self._changed.wait()

    def _tried(self, server: _Server) -> None:
        with self._changed:
            server.is_being_tried = False
            self._changed.notify_all()

    def _heard_of(self, server: _Server) -> None:
        with self._changed:
            was_failing = server.trouble is not None
            server.trouble, server.pause, server.heard_at = None, 0.0, self._clock()
        if was_failing:
            _log.warning("%s answers again", server.endpoint)
