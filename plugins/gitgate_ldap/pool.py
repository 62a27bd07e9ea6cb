"""Connections of the service account that wait to be used again."""

import threading
from collections.abc import Callable

from gitgate_ldap.ldap3_connection import LdapConnection
from gitgate_ldap.uris import Endpoint


class Pool:
    """At most `size` open connections, none longer than `idle_seconds`. Safe to use from several threads."""

    def __init__(self, size: int, idle_seconds: float, clock: Callable[[], float]) -> None:
        self._size = size
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[tuple[LdapConnection, float]] = []
        self._is_closed = False

    def take(self) -> LdapConnection | None:
        """The connection that was used last, for the caller alone; None where none waits."""
        with self._lock:
            oldest = self._clock() - self._idle_seconds
            stale = [connection for connection, since in self._waiting if since <= oldest]
            self._waiting = [(connection, since) for connection, since in self._waiting if since > oldest]
            taken = self._waiting.pop()[0] if self._waiting else None
        _close(stale)
        return taken

    def give(self, connection: LdapConnection) -> None:
        """A connection that is in order, and of no more use to the caller. Where there are enough, it is closed."""
        with self._lock:
            is_kept = not self._is_closed and len(self._waiting) < self._size
            if is_kept:
                self._waiting.append((connection, self._clock()))
        if not is_kept:
            connection.close()

    def drop(self, endpoint: Endpoint) -> None:
        """Close those to a server that has failed: they would fail as well, each after its own deadline."""
        with self._lock:
            dropped = [connection for connection, _ in self._waiting if connection.endpoint == endpoint]
            self._waiting = [(each, since) for each, since in self._waiting if each.endpoint != endpoint]
        _close(dropped)

    def close(self) -> None:
        """Close all, and keep none from now on."""
        with self._lock:
            self._is_closed = True
            waiting, self._waiting = self._waiting, []
        _close([connection for connection, _ in waiting])


def _close(connections: list[LdapConnection]) -> None:
    for connection in connections:
        connection.close()
