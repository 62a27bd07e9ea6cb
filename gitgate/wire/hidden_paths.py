"""git's words for people, without the paths of the server in them."""

import re
from typing import Final

from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import HEADER_LENGTH, encode, payload_length
from gitgate.wire.side_band import FATAL, LONGEST_TEXT, PROGRESS

_FOR_PEOPLE: Final = (PROGRESS, FATAL)

#: The rest of a line that is longer is taken for another one.
_LONGEST_LINE: Final = 4096

#: How git's own complaints begin, and the absolute paths in them. Not the `//host/path` of a URL.
_COMPLAINT: Final = re.compile(rb"(?:fatal|error|warning): ")
_ABSOLUTE: Final = re.compile(rb"(?<![\w:/.~-])/[^\s'\"/][^\s'\"]*")


class HiddenPaths:
    """Says `name` where git says `directory`; other absolute paths are left out of git's complaints.

    A hook's words for the person who pushes pass as they are, but for the directory of the repository: other paths in
    them are the operator's own words.
    """

    def __init__(self, directory: str, name: str) -> None:
        self._directory = re.compile(re.escape(directory.encode("utf-8", "surrogateescape")) + rb"(?![\w.-])")
        self._name = name.encode("utf-8", "backslashreplace")

    def of(self, line: bytes) -> bytes:
        """One line without paths."""
        line = self._directory.sub(lambda _: self._name, line)
        return _ABSOLUTE.sub(b"...", line) if _COMPLAINT.match(line) else line


class PathlessLines:
    """A text that comes in parts, line by line."""

    def __init__(self, paths: HiddenPaths) -> None:
        self._paths = paths
        self._begun = b""

    def put(self, data: bytes) -> bytes:
        """The next part, as far as its lines are whole."""
        data = self._begun + data
        if len(data) - _after_last_line(data) > _LONGEST_LINE:
            self._begun = b""
            return self._without(data)
        whole = _after_last_line(data)
        self._begun = data[whole:]
        return self._without(data[:whole])

    def rest(self) -> bytes:
        """What was kept back, when there is no more."""
        rest, self._begun = self._begun, b""
        return self._without(rest)

    def _without(self, text: bytes) -> bytes:
        if b"/" not in text:
            return text
        return b"".join(self._paths.of(line) for line in re.split(rb"(?<=[\n\r])", text))


class PathlessPackets:
    """What git says as pkt-lines, with the text of its side-band (bands 2 and 3) without paths; all else as it is.

    A path may begin in one packet and end in another, since git passes on what hooks say in pieces of 128 bytes. So
    the end of a line is awaited, as git's client does it before it shows anything.
    """

    def __init__(self, paths: HiddenPaths) -> None:
        self._lines = PathlessLines(paths)
        self._held = b""
        self._passing = 0
        self._is_raw = False

    def put(self, data: bytes) -> bytes:
        """The next part of what git says, as far as it can be told."""
        if self._is_raw:
            return data
        if self._passing >= len(data) and not self._held:
            self._passing -= len(data)
            return data
        data, self._held = self._held + data, b""
        said: list[bytes] = []
        position = min(self._passing, len(data))
        self._passing -= position
        unsaid = 0  # from here to `position`, all passes as it is
        while position < len(data):
            end = self._packet_end(data, position)
            if end is None:
                self._held = data[position:]
                break
            if self._is_raw:
                return b"".join((*said, data[unsaid:position], _packets(PROGRESS, self._lines.rest()), data[position:]))
            if data[position + HEADER_LENGTH : min(position + HEADER_LENGTH + 1, end)] in _FOR_PEOPLE:
                said.append(data[unsaid:position])
                unsaid = position
                if len(data) < end:
                    self._held = data[position:]
                    break
                said.append(self._told(data[position:end]))
                unsaid = end
            elif end == position + HEADER_LENGTH and (rest := self._lines.rest()):
                said += (data[unsaid:position], _packets(PROGRESS, rest))
                unsaid = position
            position = end
        passed = data[unsaid:position]
        self._passing += max(0, position - len(data))
        return b"".join((*said, passed))

    def rest(self) -> bytes:
        """What was kept back, when git says no more."""
        held, self._held = self._held, b""
        return _packets(PROGRESS, self._lines.rest()) + held

    def _packet_end(self, data: bytes, position: int) -> int | None:
        """Where the packet ends that begins here; None while that, or its band, is not known."""
        if len(data) < position + HEADER_LENGTH:
            return None
        try:
            length = payload_length(data[position : position + HEADER_LENGTH])
        except NotGit:  # a pack without a side-band, as very old clients want it
            self._is_raw = True
            return len(data)
        if not length:
            return position + HEADER_LENGTH
        return position + HEADER_LENGTH + length if len(data) > position + HEADER_LENGTH else None

    def _told(self, packet: bytes) -> bytes:
        band, payload = packet[HEADER_LENGTH : HEADER_LENGTH + 1], packet[HEADER_LENGTH + 1 :]
        if not payload:
            return packet  # git keeps the connection alive
        text = self._lines.put(payload)
        if band == FATAL:
            text += self._lines.rest()
        return packet if text == payload else _packets(band, text)


def _packets(band: bytes, text: bytes) -> bytes:
    pieces = (text[start : start + LONGEST_TEXT] for start in range(0, len(text), LONGEST_TEXT))
    return b"".join(encode(band + piece) for piece in pieces)


def _after_last_line(data: bytes) -> int:
    return max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
