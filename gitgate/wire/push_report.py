"""The answer to a push that is refused before git has seen it (gitprotocol-pack(5), "Report Status")."""

from collections.abc import Mapping

from gitgate.wire.pktline import FLUSH, encode
from gitgate.wire.printable import printable
from gitgate.wire.push_commands import PushCommands

_PACK_DATA, _PROGRESS, _FATAL = b"\1", b"\2", b"\3"

#: What one packet of a side-band carries, the band's own byte not counted (gitprotocol-capabilities(5)).
_SIDE_BAND, _SIDE_BAND_64K = 999, 65515


def refused_push(commands: PushCommands, refused: Mapping[str, str], others: str, summary: str) -> bytes:
    """The report that git's client understands: each ref of `refused` with its message, `others` for the other refs.

    `summary` is shown before it, as `remote: ...`, where the client has asked for a side-band. A client that asks for
    no report learns of the refusal in the side-band alone.
    """
    lines = [encode(b"unpack ok\n")]
    for update, ref in zip(commands.updates, commands.refs, strict=True):
        message = printable(refused.get(update.ref, others)).encode("utf-8", "backslashreplace")
        lines.append(encode(b"ng %b %b\n" % (ref, message)))
    report = b"".join(lines) + FLUSH
    if "side-band-64k" in commands.capabilities:
        size = _SIDE_BAND_64K
    elif "side-band" in commands.capabilities:
        size = _SIDE_BAND
    else:
        return report if _wants_report(commands) else b""
    text = f"{printable(summary, size - 1)}\n".encode("utf-8", "backslashreplace")
    if not _wants_report(commands):
        return encode(_FATAL + text[:size]) + FLUSH
    pieces = [report[start : start + size] for start in range(0, len(report), size)]
    return encode(_PROGRESS + text[:size]) + b"".join(encode(_PACK_DATA + piece) for piece in pieces) + FLUSH


def progress(text: str, capabilities: frozenset[str]) -> bytes:
    """`text` as a line that the client shows as `remote: ...`; nothing where it has asked for no side-band."""
    if not capabilities & {"side-band", "side-band-64k"}:
        return b""
    return encode(_PROGRESS + f"{printable(text, _SIDE_BAND // 4)}\n".encode("utf-8", "backslashreplace"))


def _wants_report(commands: PushCommands) -> bool:
    return bool(commands.capabilities & {"report-status", "report-status-v2"})
