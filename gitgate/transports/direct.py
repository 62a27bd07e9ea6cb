"""Bytes that go to a socket at once, without a turn of the event loop, where nothing else waits to go there first.

`_tempDataLen` is a private name of Twisted; docs/architecture.md lists it, and tests/unit/transports/test_direct.py
fails when Twisted changes it.
"""

import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.tcp import Connection


def send(transport: Any, pieces: Sequence[bytes | memoryview]) -> None:
    """Write `pieces`, one after the other, as `transport.writeSequence` does. What has to wait of them is copied.

    What the socket does not take waits in the transport, which then pauses its producer; and so does all that TLS has
    to encrypt.
    """
    ready = _ready(transport)
    sent = 0
    if ready is not None:
        try:
            sent = ready.sendmsg(pieces)
        except OSError:
            pass  # it is full, or Twisted finds out what has happened to it
    for number, piece in enumerate(pieces):
        if sent < len(piece):
            transport.writeSequence((bytes(piece[sent:]), *map(bytes, pieces[number + 1 :])))
            return
        sent -= len(piece)


def _ready(transport: Any) -> socket.socket | None:
    """The socket, where what is written now goes there first."""
    if not isinstance(transport, Connection) or transport.TLS or not transport.connected or transport.disconnecting:
        return None
    if len(transport.dataBuffer) + transport._tempDataLen:
        return None
    handle: socket.socket = transport.getHandle()
    return handle
