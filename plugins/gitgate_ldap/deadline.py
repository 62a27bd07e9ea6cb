"""One deadline over everything that an operation does at a socket.

A socket's own timeout begins anew with each byte: a server that sends one every few seconds would hold a thread for as
long as it likes. What it may send is bounded as well, since the library keeps it all until a message is complete.
"""

import socket
import time
from typing import Final

_MOST_BYTES: Final = 4 * 1024 * 1024


class Deadline:
    """A moment, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds that are left; 0.0 when there are none."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Nothing more may be waited for. A timer that fires a moment early has fired for this deadline."""
        return self.remaining < 0.001

    def limit(self, sock: socket.socket) -> None:
        """Let the socket's next call wait no longer. Raises TimeoutError when there is no time left."""
        if self.is_over:
            raise TimeoutError(f"no answer within {self.seconds:g} s")
        sock.settimeout(self.remaining)


class DeadlineSocket:
    """As much of a socket as ldap3 uses, with a deadline over all calls of one operation."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.raw = sock
        self.begin(deadline)

    def begin(self, deadline: Deadline) -> None:
        """A new operation, which may take until then."""
        self.deadline = deadline
        self._bytes_left = _MOST_BYTES

    def recv(self, size: int) -> bytes:
        """What has arrived, at most `size` bytes. Raises OSError, also when time or the allowed amount is used up."""
        self.deadline.limit(self.raw)
        data = self.raw.recv(size)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise OSError(f"an answer of more than {_MOST_BYTES // 1024} KiB")
        return data

    def sendall(self, data: bytes) -> None:
        """Send all of it in time. Raises OSError."""
        self.deadline.limit(self.raw)
        self.raw.sendall(data)

    def shutdown(self, how: int) -> None:
        """Tell the other side that this was all."""
        self.raw.shutdown(how)

    def close(self) -> None:
        """Give the socket back to the system."""
        self.raw.close()
