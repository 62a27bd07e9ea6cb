"""Requests of git's protocol 2: a command, capabilities and arguments, up to a flush packet (gitprotocol-v2(5))."""

from dataclasses import dataclass
from typing import Final

from gitgate.wire.pktline import FLUSH, HEADER_LENGTH, encode, payload_length

_DELIMITER: Final = b"0001"

#: What a client says of itself. No answer depends on it.
_ABOUT_THE_CLIENT: Final = (b"agent=", b"session-id=")


#: Few histories are longer. What asks for no less than this is as much work as what sets no depth, and `git fetch
#: --unshallow` asks for 2147483647.
_ALL_OF_IT: Final = 5000


@dataclass(frozen=True, slots=True)
class RequestV2:
    """One request. `command` is empty where it has none.

    `essence` is the request without what the client says of itself: two with the same essence, asked of the same
    repository in the same state, have the same answer.
    """

    command: str
    essence: bytes
    is_full_clone: bool
    """It asks for whole histories: it says that it has nothing, and sets no depth that would spare git much."""


class RequestReader:
    """Takes a client's bytes until one request is complete, and holds what it took up to `longest` bytes."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._taken = bytearray()
        self._header = bytearray()
        self._left_of_packet = 0

    @property
    def taken(self) -> bytes:
        """All that was taken so far."""
        return bytes(self._taken)

    @property
    def is_too_long(self) -> bool:
        """More came than is held: from here on, pass on what `feed` is given yourself."""
        return len(self._taken) > self._longest

    def feed(self, data: bytes) -> int | None:
        """How many bytes of `data` still belong to the request, once that is complete; None while it is not.

        Raises `NotGit` for what is no pkt-line.
        """
        end = self._end_in(data)
        if not self.is_too_long:
            self._taken += data if end is None else data[:end]
        return end

    def _end_in(self, data: bytes) -> int | None:
        position = 0
        while position < len(data):
            if self._left_of_packet:
                step = min(self._left_of_packet, len(data) - position)
                self._left_of_packet -= step
                position += step
                continue
            part = data[position : position + HEADER_LENGTH - len(self._header)]
            self._header += part
            position += len(part)
            if len(self._header) == HEADER_LENGTH:
                header = bytes(self._header)
                self._header.clear()
                self._left_of_packet = payload_length(header) or 0
                if header == FLUSH:
                    return position
        return None


def parse_request(request: bytes) -> RequestV2:
    """A complete request, as `RequestReader` has taken it."""
    essence: list[bytes] = []
    command = ""
    arguments: list[bytes] = []
    position = 0
    before_arguments = True
    while position < len(request):
        header = request[position : position + HEADER_LENGTH]
        length = payload_length(header)
        position += HEADER_LENGTH
        if length is None:
            before_arguments = before_arguments and header != _DELIMITER
            essence.append(header)
            continue
        payload = request[position : position + length]
        position += length
        if not before_arguments:
            arguments.append(payload)
        elif payload.startswith(b"command="):
            command = payload.removeprefix(b"command=").rstrip(b"\n").decode("utf-8", "backslashreplace")
        elif payload.startswith(_ABOUT_THE_CLIENT):
            continue
        essence.append(encode(payload))
    wants = any(argument.startswith(b"want") for argument in arguments)
    return RequestV2(
        command=command,
        essence=b"".join(essence),
        is_full_clone=command == "fetch" and wants and not _sets_a_limit(arguments),
    )


def _sets_a_limit(arguments: list[bytes]) -> bool:
    depths = [argument for argument in arguments if argument.startswith(b"deepen ")]
    if any(argument.startswith((b"have ", b"deepen-since ", b"deepen-not ")) for argument in arguments):
        return True
    return bool(depths) and all(_is_small(depth.removeprefix(b"deepen ")) for depth in depths)


def _is_small(depth: bytes) -> bool:
    try:
        return int(depth) < _ALL_OF_IT
    except ValueError:
        return False  # git reads 0x7fffffff, too
