"""The head of an http request: its target, and all headers that are looked at."""

from base64 import b64decode

from twisted.web.http_headers import Headers

from gitgate.plugin import Password
from gitgate.transports.http.request_head import parse_request_head
from gitgate.wire.http_target import Unserved
from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path

_STATUSES = {400, 401, 403, 404, 405, 415, 417}


def fuzz(data: bytes) -> None:
    """Lines: method, target, version, then headers with a ":" between name and value."""
    method, target, version, *lines = (data + b"\n\n\n").split(b"\n")
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and name.strip():
            try:
                headers.addRawHeader(name, value.strip())
            except ValueError:  # twisted.web's own: no name of a header
                return
    try:
        head = parse_request_head(method, target, version, headers, has_body=method == b"POST")
    except Malformed as malformed:
        assert str(malformed).isprintable()
        assert not isinstance(malformed, Unserved) or malformed.status in _STATUSES
        return
    assert normalize_path(head.target.path.encode()) == head.target.path
    assert head.protocol in (0, 1, 2)
    # Whoever says who they are is somebody, and never taken for nobody, unless there is no password.
    if head.credentials is None:
        for authorization in headers.getRawHeaders(b"authorization", []):
            _, colon, password = b64decode(authorization.split(b" ")[-1]).partition(b":")
            assert (colon, password) == (b":", b"")
    if isinstance(head.credentials, Password):
        assert head.credentials.username.isprintable() or "\n" not in head.credentials.username
