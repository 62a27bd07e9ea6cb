"""What a channel still has to send, in order, until the client's window has room for it (RFC 4254 section 5.2)."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes for standard output, or for standard error."""

    data: bytes
    is_error: bool


class Outbox:
    """A queue of bytes for both streams of one channel. Cuts them to measure, and never copies what stays behind.

    conch's channel keeps the rest of a write as a new string each time the window opens a little, which is quadratic.
    """

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._sent_of_first = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def put(self, data: bytes, *, is_error: bool = False) -> None:
        """Add to the end."""
        if data:
            self._pieces.append(Piece(data, is_error))

    def take(self, most: int) -> Piece:
        """The next bytes of one stream, at most `most` of them. To be called only while there are some."""
        first = self._pieces[0]
        begin, end = self._sent_of_first, self._sent_of_first + most
        if end < len(first.data):
            self._sent_of_first = end
        else:
            self._pieces.popleft()
            self._sent_of_first = 0
        return Piece(first.data[begin:end], first.is_error)

    def clear(self) -> None:
        """Nobody will read it."""
        self._pieces.clear()
        self._sent_of_first = 0
