"""The connections of all doors together: counted, bounded, and closed when the server stops."""

import logging
from typing import Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from gitgate.plugin import Peer, Transport

_log = logging.getLogger(__name__)


class Connection(Protocol):
    """What can be closed at once (Twisted's ITCPTransport)."""

    def abortConnection(self) -> None:  # noqa: N802
        """Close, and let what was not sent be lost."""


class Connections:
    """Those that are open now. A door adds each of its own, and turns clients away while `full`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[Connection] = set()
        self._told = False

    @property
    def full(self) -> bool:
        """As many are open as may be. Said in the log once, until there is room again."""
        full = len(self._open) >= self._most
        if full and not self._told:
            _log.warning(
                "%d connections are open, as many as limits.max_connections allows; more are closed", self._most
            )
        self._told = full
        return full

    def add(self, connection: Connection) -> None:
        """One was opened."""
        self._open.add(connection)

    def discard(self, connection: Connection) -> None:
        """One was closed."""
        self._open.discard(connection)

    def abort(self) -> None:
        """Close them all, now."""
        for connection in list(self._open):
            connection.abortConnection()


def peer_at(transport: Transport, address: IAddress) -> Peer:
    """The peer at a Twisted address; a unix socket has none."""
    encrypted = transport in (Transport.SSH, Transport.HTTPS)
    if isinstance(address, IPv4Address | IPv6Address):
        # An IPv4 client of a socket that listens on "::" shows as ::ffff:192.0.2.7.
        host = address.host.removeprefix("::ffff:") if "." in address.host else address.host
        return Peer(transport=transport, address=host, port=address.port, encrypted=encrypted)
    return Peer(transport=transport, address="", port=0, encrypted=encrypted)
