"""The commands of a push: read the same however the network cuts them, and kept as they came."""

from gitgate.wire.malformed import Malformed
from gitgate.wire.push_commands import PushCommands, PushCommandsReader
from gitgate.wire.push_report import refused_push


def _read(data: bytes, cut: int) -> tuple[PushCommands | str | None, bytes]:
    reader = PushCommandsReader()
    for start in range(0, len(data), cut):
        try:
            commands = reader.feed(data[start : start + cut])
        except Malformed as malformed:
            return str(malformed), b""
        if commands is not None:
            return commands, b"".join(reader.received())
    return None, b""


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    cut, sent = (data[0] if data else 0) + 1, data[1:]
    commands, received = _read(sent, cut)
    assert commands == _read(sent, len(sent) + 1)[0]
    if isinstance(commands, PushCommands):
        assert sent.startswith(received)
        assert len(commands.refs) == len(commands.updates)
        assert all(set(update.new) <= set("0123456789abcdef") for update in commands.updates)
        list(refused_push(commands, {update.ref: "no" for update in commands.updates}, "no", "refused"))
