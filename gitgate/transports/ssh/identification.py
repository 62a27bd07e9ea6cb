"""The line by which a client begins (RFC 4253 section 4.2)."""

from typing import Final

from gitgate.plugin import Transport
from gitgate.wire.malformed import Malformed
from gitgate.wire.wrong_port import wrong_port

#: With its line ending. conch takes 4 KiB, and any number of other lines before it, which only servers may send.
_LONGEST: Final = 255
_BEGINNING: Final = b"SSH-"
#: 1.99 is 2.0 from somebody who knows version 1 as well (RFC 4253 section 5.1).
_VERSIONS: Final = (b"2.0", b"1.99")


class NotSsh(Malformed):
    """Whoever wrote this does not speak ssh as it is spoken here."""


class Identification:
    """Collects the first line of what comes."""

    def __init__(self) -> None:
        self._received = b""

    def read(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The line without its ending, and what stood behind it; None where it is not all here. Raises `NotSsh`."""
        self._received += data
        line, newline, rest = self._received.partition(b"\n")
        if not line.startswith(_BEGINNING[: len(line)]):
            raise NotSsh(wrong_port(self._received, Transport.SSH) or "no ssh client: it does not begin with SSH-")
        if len(line) + len(newline) > _LONGEST:
            raise NotSsh(f"no ssh client: the first line is longer than {_LONGEST} bytes")
        if not newline:
            return None
        line = line.removesuffix(b"\r")
        _, _, version = line.partition(b"-")
        if version.partition(b"-")[0] not in _VERSIONS or b"-" not in version:
            raise NotSsh("no client of ssh version 2")
        if not all(32 <= byte < 127 for byte in line):
            raise NotSsh("no ssh client: its first line is no text")
        return line, rest
