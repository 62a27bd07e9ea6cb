"""The method and the target of an http request."""

import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from gitgate.plugin import Service
from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path

_DISCOVERY: Final = b"/info/refs"
_SERVICES: Final = {service.value.encode(): service for service in (Service.UPLOAD_PACK, Service.RECEIVE_PACK)}
_MOST_PARAMETERS: Final = 16

#: What a target is made of; "#" would start a fragment, which no client sends (RFC 9112 section 3.2.1).
_TARGET: Final = re.compile(rb"/[!\"$-~]*")
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
#: An escaped slash is a slash for one reader and part of a name for the next, such as a proxy that guards a path.
_ESCAPED_SLASH: Final = re.compile(rb"%2f", re.IGNORECASE)


class Unserved(Malformed):
    """A request that asks for nothing that is served here.

    `status` says why, and `allow` names the methods that the target does take, where the method is at fault.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, *, allow: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.allow = allow


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A service of a repository: its discovery (`advertisement`), or the exchange that follows it."""

    service: Service
    path: str
    advertisement: bool


@lru_cache(maxsize=256)  # of at most `limits.max_header_bytes` each; many clients ask for the same few
def parse_http_target(method: bytes, target: bytes) -> HttpTarget:
    """What a request line asks for (gitprotocol-http(5)).

        GET  /team/app.git/info/refs?service=git-upload-pack
        POST /team/app.git/git-upload-pack

    The target is percent-decoded once, here and nowhere else. Raises `Unserved` with the status of `git http-backend`
    for what is asked wrongly, and `Malformed` for a path that cannot be one.
    """
    raw_path, _, query = target.partition(b"?")
    suffix = _suffix(raw_path)
    allowed = {None: "GET, HEAD, POST", _DISCOVERY: "GET, HEAD"}.get(suffix, "POST")
    if method.decode("latin-1") not in ("GET", "HEAD", "POST"):
        raise Unserved("this method is not served", HTTPStatus.METHOD_NOT_ALLOWED, allow=allowed)
    if not _TARGET.fullmatch(target) or _BROKEN_ESCAPE.search(target) or _ESCAPED_SLASH.search(raw_path):
        raise Unserved("malformed request target")
    if suffix is None:
        if raw_path != b"/":
            normalize_path(unquote_to_bytes(raw_path))  # a path that cannot be one is told so
        raise Unserved("not found", HTTPStatus.NOT_FOUND)
    if method.decode("ascii") not in allowed.split(", "):
        raise Unserved("this method is not served", HTTPStatus.METHOD_NOT_ALLOWED, allow=allowed)
    repository = raw_path.removesuffix(suffix)
    if repository.endswith(b"/"):
        raise Unserved("the path has an empty part")
    path = normalize_path(unquote_to_bytes(repository))
    if suffix == _DISCOVERY:
        return HttpTarget(_requested_service(query), path, advertisement=True)
    return HttpTarget(_SERVICES[suffix[1:]], path, advertisement=False)


def _suffix(raw_path: bytes) -> bytes | None:
    """What follows the repository's path; None where it is nothing that is served.

    Looked for before decoding: clients write these names as they are.
    """
    suffixes = (_DISCOVERY, *(b"/" + service for service in _SERVICES))
    return next((suffix for suffix in suffixes if raw_path.endswith(suffix)), None)


def _requested_service(query: bytes) -> Service:
    try:
        parameters = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, encoding="latin-1", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise Unserved("the query has too many parameters") from None
    named = [value for name, value in parameters if name == "service"]
    if len(named) > 1:
        # git http-backend takes the last one; a proxy that guards pushes may look at the first.
        raise Unserved("the query names two services")
    if not named:
        raise Unserved("this server speaks git's smart http protocol only", HTTPStatus.FORBIDDEN)
    service = _SERVICES.get(named[0].encode("latin-1"))
    if service is None:
        raise Unserved("this service is not served", HTTPStatus.FORBIDDEN)
    return service
