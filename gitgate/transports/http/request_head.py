"""What the headers of a request ask for, before a byte of its body is read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from twisted.web.http_headers import Headers

from gitgate.git.command import Exchange
from gitgate.plugin import Credentials
from gitgate.transports.http.authorization import parse_authorization
from gitgate.wire.http_target import HttpTarget, Unserved, parse_http_target
from gitgate.wire.protocol_version import parse_protocol_version

#: Two of one of these may mean one thing here and another to a proxy in front.
_ONLY_ONCE: Final = (
    b"Host",
    b"Authorization",
    b"Content-Type",
    b"Content-Length",
    b"Content-Encoding",
    b"Transfer-Encoding",
    b"Expect",
    b"Git-Protocol",
)
_HOST: Final = re.compile(rb"[A-Za-z0-9.:\[\]-]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """What a client asks for. `host` is None where it names none, or none that could be one, and `credentials` where
    there are none, or none with a password.

    `can_repeat`: git keeps a body whose length it tells, and sends it again where it is then asked to log in. One that
    it sends in chunks it makes while it sends.
    """

    target: HttpTarget
    host: str | None
    protocol: int
    credentials: Credentials | None
    compressed: bool
    expects_continue: bool
    can_repeat: bool

    @property
    def exchange(self) -> Exchange:
        """How git is to talk to this client."""
        return Exchange.ADVERTISEMENT if self.target.advertisement else Exchange.STATELESS


def parse_request_head(
    method: bytes, target: bytes, version: bytes, headers: Headers, *, has_body: bool
) -> RequestHead:
    """The request that a request line and its headers make. Raises `Malformed`; where it is `Unserved`, with a status.

    Everything is looked at that does not need to know who asks: what fails here fails for everybody.
    """
    only = dict(_only_once(headers))
    host = only.get(b"Host")
    if version == b"HTTP/1.1" and host is None:
        raise Unserved("the request has no Host header")
    encoding = only.get(b"Transfer-Encoding")
    if encoding is not None and (version != b"HTTP/1.1" or encoding.lower() != b"chunked"):
        raise Unserved("unsupported transfer encoding")
    expected = only.get(b"Expect")
    if expected is not None and expected.lower() != b"100-continue":
        raise Unserved("this expectation cannot be met", HTTPStatus.EXPECTATION_FAILED)
    asked = parse_http_target(method, target)
    if asked.advertisement and has_body:
        raise Unserved("this request takes no body")
    if not asked.advertisement:
        _require(only.get(b"Content-Type"), f"application/x-{asked.service.value}-request".encode())
    authorization = only.get(b"Authorization")
    return RequestHead(
        target=asked,
        host=host.decode("ascii") if host is not None and _HOST.fullmatch(host) else None,
        protocol=parse_protocol_version(only.get(b"Git-Protocol")),
        credentials=None if authorization is None else parse_authorization(authorization),
        compressed=_is_compressed(only.get(b"Content-Encoding")),
        expects_continue=version == b"HTTP/1.1" and expected is not None,
        can_repeat=encoding is None,
    )


def _only_once(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    for name, values in headers.getAllRawHeaders():
        if name in _ONLY_ONCE:
            if len(values) > 1:
                raise Unserved(f"the request has two {name.decode()} headers")
            yield name, values[0]


def _require(content_type: bytes | None, wanted: bytes) -> None:
    if content_type != wanted:
        raise Unserved("unsupported media type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def _is_compressed(encoding: bytes | None) -> bool:
    if encoding is None:
        return False
    if encoding.lower() not in (b"gzip", b"x-gzip"):
        raise Unserved("unsupported content encoding", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return True
