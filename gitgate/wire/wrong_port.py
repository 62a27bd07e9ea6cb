"""Clients of another protocol, known by how they begin: their URL has the wrong port, or begins wrongly."""

import re
from dataclasses import dataclass
from typing import Final

from gitgate.plugin import Transport


@dataclass(frozen=True, slots=True)
class _Beginning:
    client: str
    of: Transport
    pattern: re.Pattern[bytes]


_BEGINNINGS: Final = (
    # A handshake of TLS 1.0 to 1.3, or of SSL 3 (RFC 8446 section 5.1).
    _Beginning("a TLS client", Transport.HTTPS, re.compile(rb"\x16\x03")),
    _Beginning("an ssh client", Transport.SSH, re.compile(rb"SSH-")),
    # The length of a request, which git often sends alone.
    _Beginning("a git:// client", Transport.GIT, re.compile(rb"0[0-9a-f]{3}")),
    _Beginning("an http client", Transport.HTTP, re.compile(rb"[A-Z]{3,8} \S")),
)


def wrong_port(beginning: bytes, here: Transport) -> str | None:
    """What is wrong where a client at a port of `here` begins so, in words for whoever wrote its URL.

    None where nothing is, or where it cannot be told: what real clients send in their first packet is enough.
    """
    for known in _BEGINNINGS:
        if known.pattern.match(beginning):
            if known.of is here:
                return None
            article = "a" if here is Transport.GIT else "an"
            return (
                f"{known.client} on {article} {here.value}:// port: "
                f"write {here.value}:// in its URL, or the port of {known.of.value}://"
            )
    return None
