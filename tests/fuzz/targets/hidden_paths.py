"""git's words without paths: the same however the network cuts them, and nothing else that git says is changed."""

from gitgate.wire.hidden_paths import HiddenPaths, PathlessPackets
from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import payload_length

_PATHS = HiddenPaths("/srv/git/r.git", "/r.git")


def _told(said: bytes, cut: int) -> bytes:
    packets = PathlessPackets(_PATHS)
    return b"".join([*(packets.put(said[at : at + cut]) for at in range(0, len(said), cut)), packets.rest()])


def _split(said: bytes) -> tuple[bytes, bytes] | None:
    """What is not for people, and what is; None where it does not end with a packet's end."""
    others, text, position = b"", b"", 0
    while position < len(said):
        try:
            length = payload_length(said[position : position + 4]) or 0
        except NotGit:
            return others + said[position:], text
        packet = said[position : position + 4 + length]
        position += 4 + length
        if packet[4:5] in (b"\2", b"\3"):
            text += packet[5:]
        else:
            others += packet
    return (others, text) if position == len(said) else None


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    cut, said = (data[0] if data else 0) + 1, data[1:]
    told = _told(said, cut)
    if _split(said) is not None:
        assert _split(told) == _split(_told(said, len(said) + 1))
        assert b"/" in said or _split(told) == _split(said)
