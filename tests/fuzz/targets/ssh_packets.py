"""An ssh connection before there are keys: its first line, then packets."""

from gitgate.transports.ssh.identification import Identification
from gitgate.transports.ssh.packets import PacketReader
from gitgate.wire.malformed import Malformed

_LONGEST = 35_000


def _read(data: bytes, cut: int) -> list[object]:
    line, reader, found = Identification(), PacketReader(_LONGEST), []
    is_named = False
    try:
        for start in range(0, len(data), cut):
            piece = data[start : start + cut]
            if not is_named:
                named = line.read(piece)
                if named is None:
                    continue
                is_named = True
                found.append(named[0])
                piece = named[1]
            reader.feed(piece)
            while (packet := reader.next()) is not None:
                found.append(packet)
    except Malformed:
        found.append(Malformed)
    return found


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    cut, sent = (data[0] if data else 0) + 1, data[1:]
    assert _read(sent, cut) == _read(sent, len(sent) + 1)
