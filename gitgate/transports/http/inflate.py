"""A compressed body, inflated piece by piece."""

import zlib
from http import HTTPStatus
from typing import Final

from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed

#: How much one piece may hold; a body that inflates a thousandfold costs no more memory than any other.
PIECE: Final = 65536
_GZIP_ONLY: Final = 31

#: gzip can make a thousand bytes of one, and then keeps us busy for longer than it takes to send it. What git
#: compresses are names of objects, to the half; packs are compressed already. A small body may be as it likes.
_MOST_FOR_ONE: Final = 100
_SMALL: Final = 1024 * 1024


class Inflater:
    """Takes compressed bytes as they come, and gives them inflated as they are wanted."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_ONLY)
        self._compressed = b""
        self._more = False
        self._bytes_in = 0
        self._bytes_out = 0

    def feed(self, data: bytes) -> None:
        """Some more of the compressed body."""
        self._compressed += data
        self._bytes_in += len(data)

    def read(self) -> bytes:
        """The next piece, at most `PIECE` bytes; empty where more must be fed first. Raises `Malformed`."""
        piece = b""
        while not piece and (self._compressed or self._more):
            try:
                piece = self._zlib.decompress(self._compressed, PIECE)
            except zlib.error:
                raise Malformed("the body is not the gzip stream that its Content-Encoding says") from None
            if self._zlib.unused_data:
                raise Malformed("the body goes on behind its gzip stream")
            self._compressed = self._zlib.unconsumed_tail
            self._bytes_out += len(piece)
            if self._bytes_out > max(_SMALL, _MOST_FOR_ONE * self._bytes_in):
                raise Unserved(
                    f"the body inflates more than {_MOST_FOR_ONE} times", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                )
            # zlib may have taken all input and still hold output back.
            self._more = len(piece) == PIECE
        return piece

    def end(self) -> None:
        """There is no more to feed. Raises `Malformed` where the stream is not complete."""
        if not self._zlib.eof:
            raise Malformed("the body ends in the middle of its gzip stream")


class Uncompressed:
    """The same for a body that is sent as it is."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Some more of the body."""
        self._data += data

    def read(self) -> bytes:
        """All that is there."""
        piece, self._data = self._data, b""
        return piece

    def end(self) -> None:
        """There is no more to feed."""
