"""Every answer that is not git's: a status, headers, and one line of text that git shows as `remote: ...`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from twisted.web.http import datetimeToString

from gitgate.refusals import (
    AccessDenied,
    CredentialsRefused,
    CredentialsRequired,
    MalformedRequest,
    Overloaded,
    Refusal,
    RepositoryHidden,
    RepositoryNotFound,
    Unavailable,
)
from gitgate.transports.connections import TurnedAway
from gitgate.transports.http.authorization import challenges
from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed

_STATUS: Final[Mapping[type[Refusal], HTTPStatus]] = {
    CredentialsRequired: HTTPStatus.UNAUTHORIZED,
    CredentialsRefused: HTTPStatus.UNAUTHORIZED,
    RepositoryNotFound: HTTPStatus.NOT_FOUND,
    RepositoryHidden: HTTPStatus.NOT_FOUND,
    AccessDenied: HTTPStatus.FORBIDDEN,
    MalformedRequest: HTTPStatus.BAD_REQUEST,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER_SECONDS: Final = b"10"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response."""

    status: HTTPStatus
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def raw(self) -> bytes:
        """It as bytes, for a connection whose request is not even one, and which is closed after it."""
        lines = [
            b"HTTP/1.1 %d %b" % (self.status, self.status.phrase.encode()),
            *(b"%b: %b" % header for header in self.headers),
            b"Connection: close",
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


def for_refusal(refusal: Refusal, accepted: frozenset[type]) -> Response:
    """How a refusal of the gateway is answered, where `accepted` can log in."""
    return _response(_STATUS[type(refusal)], refusal.message, accepted)


def for_malformed(malformed: Malformed, request_id: str, accepted: frozenset[type]) -> Response:
    """How a request is answered that cannot be parsed, or asks for what is not served."""
    refusal = MalformedRequest(str(malformed), message=str(malformed))
    refusal.identify(request_id)
    if not isinstance(malformed, Unserved):
        return for_refusal(refusal, accepted)
    allow = () if malformed.allow is None else ((b"Allow", malformed.allow.encode()),)
    return _response(malformed.status, refusal.message, accepted, allow)


def for_turned_away(why: TurnedAway) -> Response:
    """What a client is told that does not come in. Without a date, so that it can be made once for all."""
    is_full = why is TurnedAway.FULL
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_full else HTTPStatus.TOO_MANY_REQUESTS
    response = _response(status, why.value, frozenset())
    return replace(response, headers=tuple(header for header in response.headers if header[0] != b"Date"))


def for_failure(request_id: str) -> Response:
    """What a client is told when git, or gitgate itself, has failed; the log says more under the same id."""
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, f"the server failed (id {request_id})", frozenset())


def _response(
    status: HTTPStatus, message: str, accepted: frozenset[type], extra: tuple[tuple[bytes, bytes], ...] = ()
) -> Response:
    if status is HTTPStatus.UNAUTHORIZED:
        extra = tuple((b"WWW-Authenticate", challenge) for challenge in challenges(accepted))
    elif status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        extra = ((b"Retry-After", _RETRY_AFTER_SECONDS),)
    body = message.encode("utf-8", "backslashreplace") + b"\n"
    return Response(
        status,
        (
            (b"Date", datetimeToString()),
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", b"%d" % len(body)),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"Cache-Control", b"no-cache, max-age=0, must-revalidate"),
            *extra,
        ),
        body,
    )
