"""The Authorization header."""

import base64
import binascii
import re
from http import HTTPStatus
from typing import Final

from gitgate.plugin import BearerToken, Credentials, Password
from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed
from gitgate.wire.username import parse_username

_HEADER: Final = re.compile(rb"([A-Za-z]+) +(\S+)")
#: RFC 6750 section 2.1, "b64token".
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


def parse_authorization(header: bytes) -> Credentials | None:
    """Who the header says it is, in the Basic (RFC 7617) or the Bearer (RFC 6750) scheme; None without a password.

    With `http://alice@host`, git's curl answers the challenge with `alice:`, and only then git asks for the password.
    With `:` it answers for somebody who may have a Kerberos ticket. Neither is an attempt, nor somebody: no password is
    empty here, and it gets what it would get without the header.

    Raises `Unserved` (401) for anything else. What cannot be understood must not pass as "nobody": a client that meant
    to log in would be served as anonymous, and one behind a proxy that checks logins might be meant to look like it.
    """
    match = _HEADER.fullmatch(header)
    scheme, proof = (match[1].lower(), match[2]) if match else (b"", b"")
    if scheme == b"basic":
        return _parse_basic(proof)
    if scheme == b"bearer" and _TOKEN.fullmatch(proof):
        return BearerToken(token=proof.decode("ascii"))
    raise _refused()


def challenges(accepted: frozenset[type]) -> list[bytes]:
    """The WWW-Authenticate headers that name the schemes by which somebody can log in."""
    offers = []
    if Password in accepted:
        offers.append(b'Basic realm="git", charset="UTF-8"')
    if BearerToken in accepted:
        offers.append(b'Bearer realm="git"')
    return offers


def _parse_basic(proof: bytes) -> Password | None:
    try:
        raw_username, colon, raw_password = base64.b64decode(proof, validate=True).partition(b":")
        if (raw_username, colon, raw_password) == (b"", b":", b""):
            return None
        username, password = parse_username(raw_username), raw_password.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, Malformed):
        raise _refused() from None
    if not colon or any(character < " " or character == "\x7f" for character in password):
        raise _refused()
    return Password(username=username, password=password) if password else None


def _refused() -> Unserved:
    return Unserved("the Authorization header cannot be understood", HTTPStatus.UNAUTHORIZED)
