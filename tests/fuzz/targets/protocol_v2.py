"""Requests of protocol 2: found and read the same however the network cuts them, and what is asked is never changed."""

from gitgate.wire.malformed import NotGit
from gitgate.wire.protocol_v2 import RequestReader, parse_request

_LONGEST = 2048


def _read(data: bytes, cut: int) -> tuple[int, bytes] | None:
    """How long the first request is, and what was kept of it; None where there is none, or it is none."""
    reader = RequestReader(_LONGEST)
    try:
        for start in range(0, len(data), cut):
            end = reader.feed(data[start : start + cut])
            if end is not None:
                return start + end, b"" if reader.is_too_long else reader.taken
    except NotGit:
        pass
    return None


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    cut, sent = (data[0] if data else 0) + 1, data[1:]
    found = _read(sent, cut)
    whole = _read(sent, len(sent) + 1)
    assert (found and found[0]) == (whole and whole[0])
    if found is None or not found[1]:
        return
    assert sent[: found[0]] == found[1]
    request = parse_request(found[1])
    assert parse_request(request.essence).essence == request.essence
    assert parse_request(request.essence).command == request.command
