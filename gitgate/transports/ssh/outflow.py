"""What is sent to a client that is logged in: streams at once, as far as the socket takes them, and the rest in turn.

Twisted keeps what is written until the reactor's next turn. For a stream, that turn and two calls of epoll_ctl(2) cost
as much as making its packets.
"""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Connection as Socket
from zope.interface import implementer

#: What is read of the socket at a time, and with how much in front of it the socket is full. Each turn of the reactor
#: costs the same, however much it moves; with Twisted's own 64 KiB, that is two packets.
_BYTES_IN_TURN: Final = 192 * 1024

#: What one client may be sent at once before the others have their turn.
_BYTES_AT_ONCE: Final = 512 * 1024


@implementer(IPullProducer)
class Outflow:
    """Writes to one socket, in order. Tells when it is full, and when it has room again.

    As a pull producer it is told whenever Twisted has sent all that it was given, and not only what was too much: so it
    knows when it may go ahead of it.
    """

    def __init__(self, socket: Socket, *, full: Callable[[], None], has_room: Callable[[], None]) -> None:
        """Registers with the socket, which has no other producer. What was written to it before is sent before."""
        self._socket = socket
        self._full = full
        self._has_room = has_room
        self._left_at_once = 0
        self._is_full = True  # for all that is known here
        socket.bufferSize = _BYTES_IN_TURN
        socket.SEND_LIMIT = 2 * _BYTES_IN_TURN  # all that can be there
        socket.registerProducer(self, False)
        # There may be something, of which nobody knows here how much.
        self._waiting = 1

    def a_turn_begins(self) -> None:
        """Others have had theirs."""
        self._left_at_once = _BYTES_AT_ONCE

    def write(self, data: bytes) -> None:
        """Send this together with what else is written in this turn of the reactor."""
        self._waiting += len(data)
        self._socket.write(data)
        if self._waiting > _BYTES_IN_TURN and not self._is_full:
            self._is_full = True
            self._full()

    def stream(self, data: bytes) -> None:
        """Send this at once, as far as may be."""
        if not self._waiting and self._left_at_once > 0:
            sent = self._sent_at_once(data)
            self._left_at_once -= sent
            data = data[sent:]
        if data:
            self.write(data)

    def _sent_at_once(self, data: bytes) -> int:
        try:
            return self._socket.getHandle().send(data)
        except OSError:
            return 0  # Twisted will come upon it, and knows what to do

    # What the socket calls.

    def resumeProducing(self) -> None:
        """All is sent."""
        self._waiting = 0
        self.a_turn_begins()
        if self._is_full:
            self._is_full = False
            self._has_room()

    def stopProducing(self) -> None:
        """The socket is gone; `connectionLost` of its protocol follows."""
