"""The answer to a push (gitprotocol-pack(5), "Report Status"): ours, where git has not seen it, and what git's says."""

from collections.abc import Iterator, Mapping

from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import FLUSH, HEADER_LENGTH, LONGEST_PAYLOAD, encode, payload_length
from gitgate.wire.printable import printable
from gitgate.wire.push_commands import PushCommands
from gitgate.wire.side_band import FATAL, LONGEST_PART, LONGEST_PART_64K, PACK_DATA, PROGRESS

#: Of a message, in characters: more than any refusal has.
_LONGEST_MESSAGE = 4000

#: A part of a report, but for its last one, is longer: about a thousand refs.
_LEAST_PART = 64 * 1024

#: What one part of a report has.
_LINES_AT_ONCE = 2000


def refused_push(commands: PushCommands, refused: Mapping[str, str], others: str, summary: str) -> Iterator[bytes]:
    """The report that git's client understands: each ref of `refused` with its message, `others` for the other refs.

    It comes in parts, as there may be a hundred thousand refs. `summary` is shown before it, as `remote: ...`, where
    the client has asked for a side-band. A client that asks for no report learns of the refusal in the side-band alone.
    """
    report = _report(commands, refused, others) if _wants_report(commands) else ()
    if "side-band-64k" in commands.capabilities:
        size = LONGEST_PART_64K
    elif "side-band" in commands.capabilities:
        size = LONGEST_PART
    else:
        yield from report
        return
    text = f"{printable(summary, size - 1)}\n".encode("utf-8", "backslashreplace")
    said = encode((PROGRESS if report else FATAL) + text[:size])
    for part in report:
        said += b"".join(encode(PACK_DATA + part[start : start + size]) for start in range(0, len(part), size))
        if len(said) > _LEAST_PART:
            yield said
            said = b""
    yield said + FLUSH


def _report(commands: PushCommands, refused: Mapping[str, str], others: str) -> Iterator[bytes]:
    texts = {others, *refused.values()}
    encoded = {text: printable(text, _LONGEST_MESSAGE).encode("utf-8", "backslashreplace") for text in texts}
    said = bytearray(encode(b"unpack ok\n"))
    for update, ref in zip(commands.updates, commands.refs, strict=True):
        line = b"ng %b %b" % (ref, encoded[refused.get(update.ref, others)])
        said += encode(line[: LONGEST_PAYLOAD - 1] + b"\n")  # a name may fill a packet alone
        if len(said) > _LEAST_PART:
            yield bytes(said)
            said.clear()
    yield bytes(said) + FLUSH


def _wants_report(commands: PushCommands) -> bool:
    return bool(commands.capabilities & {"report-status", "report-status-v2"})


class PushReportReader:
    """Finds in git's answer to a push which refs it has refused, as it passes by.

    `refused` has git's words for each of them, such as "pre-receive hook declined"; the words of a hook itself go to
    the person. Empty where all went well, and where the client has asked for no report.
    """

    def __init__(self, capabilities: frozenset[str]) -> None:
        self.refused: dict[str, str] = {}
        self._lines = _PacketReader()
        self._bands = _PacketReader() if capabilities & {"side-band", "side-band-64k"} else None
        self._is_over = not capabilities & {"report-status", "report-status-v2"}

    def feed(self, data: bytes) -> None:
        """The next part of what git says."""
        if self._is_over:
            return
        try:
            if self._bands is not None:
                data = b"".join(packet[1:] for packet in self._bands.feed(data) if packet[:1] == PACK_DATA)
            for line in self._lines.feed(data):
                self._take(line.removesuffix(b"\n"))
        except NotGit:
            self._is_over = True

    def _take(self, line: bytes) -> None:
        verdict, _, rest = line.partition(b" ")
        if verdict == b"ng":
            ref, _, words = rest.partition(b" ")
            self.refused[ref.decode("utf-8", "backslashreplace")] = words.decode("utf-8", "backslashreplace")


class _PacketReader:
    """The payloads of the packets that are complete."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> list[bytes]:
        data = self._begun + data
        packets = []
        position = 0
        while len(data) >= position + HEADER_LENGTH:
            length = payload_length(data[position : position + HEADER_LENGTH]) or 0
            if len(data) < position + HEADER_LENGTH + length:
                break
            packets.append(data[position + HEADER_LENGTH : position + HEADER_LENGTH + length])
            position += HEADER_LENGTH + length
        self._begun = data[position:]
        return packets
