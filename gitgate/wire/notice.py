"""A line for the person at the other end, put into what git says to their client."""

from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import HEADER_LENGTH, encode, payload_length
from gitgate.wire.side_band import LONGEST_TEXT, PACK_DATA, PROGRESS

_BANDS = (PACK_DATA, PROGRESS)


class Notice:
    """Puts `text` before the first packet of the side-band, where git's client shows it as `remote: ...`.

    All other packets are text, so the first that begins with a band's number begins the side-band; this holds for each
    service and protocol version. Where the client has asked for no side-band, there is no place for a notice, and git's
    words pass unchanged.
    """

    def __init__(self, text: str) -> None:
        self._packet = encode(PROGRESS + text.encode("utf-8", "backslashreplace")[:LONGEST_TEXT] + b"\n")
        self._begun = b""
        self._done = False

    def put_into(self, data: bytes) -> bytes:
        """`data`, the next part of what git says, with the notice if this is its place. May keep back a part packet."""
        if self._done:
            return data
        data, self._begun = self._begun + data, b""
        position = 0
        while len(data) >= position + HEADER_LENGTH:
            try:
                length = payload_length(data[position : position + HEADER_LENGTH])
            except NotGit:
                self._done = True
                return data
            if not length:
                position += HEADER_LENGTH
                continue
            if data[position + HEADER_LENGTH : position + HEADER_LENGTH + 1] in _BANDS:
                self._done = True
                return data[:position] + self._packet + data[position:]
            if len(data) < position + HEADER_LENGTH + length:
                break
            position += HEADER_LENGTH + length
        self._begun = data[position:]
        return data[:position]

    def rest(self) -> bytes:
        """What was kept back, when git says no more."""
        rest, self._begun = self._begun, b""
        return rest
