"""Reading the fields of an ssh message (RFC 4251 section 5)."""

from gitgate.wire.malformed import Malformed


class Fields:
    """The fields of one message, taken from the front. Each raises `Malformed` where the message ends too soon.

    conch's `getNS` takes what is there instead: an exec request that announces 256 bytes and holds "abc" would run
    "abc".
    """

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._position = 0

    def uint32(self) -> int:
        """A number."""
        return int.from_bytes(self.take(4), "big")

    def boolean(self) -> bool:
        """True or false; every byte but 0 is true."""
        return self.take(1) != b"\0"

    def string(self) -> bytes:
        """Bytes that come with their length."""
        return self.take(self.uint32())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._message) - self._position)

    def end(self) -> None:
        """Nothing may be left."""
        if self._position != len(self._message):
            raise Malformed("a message is longer than its fields")

    def take(self, length: int) -> bytes:
        """So many bytes."""
        end = self._position + length
        if end > len(self._message):
            raise Malformed("a message ends within a field")
        taken = self._message[self._position : end]
        self._position = end
        return taken
