"""The first line of a git:// connection."""

import re
from dataclasses import dataclass

from gitgate.plugin import Service
from gitgate.wire.malformed import NotGit
from gitgate.wire.paths import normalize_path
from gitgate.wire.printable import printable
from gitgate.wire.protocol_version import parse_protocol_version

#: The longest request that is read; git daemon's own bound is PATH_MAX.
LONGEST_REQUEST = 4096

_SERVICES = {
    service.value.encode(): service for service in (Service.UPLOAD_PACK, Service.UPLOAD_ARCHIVE, Service.RECEIVE_PACK)
}
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]-]{1,255}")


@dataclass(frozen=True, slots=True)
class RequestLine:
    """What a git:// client asks for. `host` is None where the client names none, or none that could be one."""

    service: Service
    path: str
    host: str | None
    protocol: int


def parse_request_line(payload: bytes) -> RequestLine:
    """What the payload of the first pkt-line asks for (gitprotocol-pack(5), "Git Transport").

        git-upload-pack /team/app.git NUL host=git.example.org:9418 NUL NUL version=2 NUL

    Raises `NotGit` for another command, and `Malformed` for a path that cannot be one.
    """
    command, _, rest = payload.partition(b"\0")
    verb, space, path = command.removesuffix(b"\n").partition(b" ")
    service = _SERVICES.get(verb)
    if service is None or not space:
        raise NotGit(f"unrecognized command '{printable(verb)}'")
    host_parameter, _, extra = rest.partition(b"\0")
    host = host_parameter.removeprefix(b"host=") if host_parameter.startswith(b"host=") else b""
    return RequestLine(
        service,
        normalize_path(path),
        host.decode("ascii") if _HOST.fullmatch(host) else None,
        parse_protocol_version(b":".join(parameter for parameter in extra.split(b"\0") if parameter) or None),
    )
