"""pkt-lines: four hexadecimal digits of length, then the payload (gitprotocol-common(5), "pkt-line Format")."""

import re
from functools import lru_cache

from gitgate.wire.malformed import NotGit

#: The four digits of a length, which counts them and the payload.
HEADER_LENGTH = 4

FLUSH = b"0000"

#: What git says every five seconds while nothing else is said (git-config(1), receive.keepAlive, uploadpack.keepAlive).
KEEPALIVE = b"0005\1"

#: The longest payload of one pkt-line.
LONGEST_PAYLOAD = 65516

_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


def encode(payload: bytes) -> bytes:
    """`payload` as one pkt-line. Raises ValueError where it is too long for one."""
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"a pkt-line carries at most {LONGEST_PAYLOAD} bytes, not {len(payload)}")
    return b"%04x%b" % (len(payload) + HEADER_LENGTH, payload)


def encode_error(message: str) -> bytes:
    """The pkt-line that ends a conversation with `message` (gitprotocol-pack(5), "error-line"), cut to what fits."""
    return encode((b"ERR " + message.encode("utf-8", "backslashreplace"))[:LONGEST_PAYLOAD])


@lru_cache(maxsize=1024)  # most packets are of a few lengths, and a list of refs has as many as there are refs
def payload_length(header: bytes) -> int | None:
    """How many bytes follow the four of `header`; None for the special packets (flush, delimiter, response end).

    Raises `NotGit` for anything but four hexadecimal digits: `int(header, 16)` would take "-001" and " 1_0" as well.
    """
    if not _LENGTH.fullmatch(header):
        raise NotGit("not a pkt-line")
    length = int(header, 16)
    if length == 3:
        raise NotGit("a pkt-line of length 3 cannot be")
    if length - HEADER_LENGTH > LONGEST_PAYLOAD:
        raise NotGit("a pkt-line is too long")
    return None if length < 3 else length - HEADER_LENGTH
