"""Request lines of http, into what they ask for."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import Service
from gitgate.wire.http_target import HttpTarget, Unserved, parse_http_target
from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path

DISCOVERY = b"/info/refs?service=git-upload-pack"


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (b"GET", b"/r.git" + DISCOVERY, HttpTarget(Service.UPLOAD_PACK, "/r.git", True)),
        (b"HEAD", b"/r.git" + DISCOVERY, HttpTarget(Service.UPLOAD_PACK, "/r.git", True)),
        (b"GET", b"/r.git/info/refs?service=git-receive-pack", HttpTarget(Service.RECEIVE_PACK, "/r.git", True)),
        (b"GET", b"/r/info/refs?a=b&service=git-upload-pack", HttpTarget(Service.UPLOAD_PACK, "/r", True)),
        (b"POST", b"/r.git/git-upload-pack", HttpTarget(Service.UPLOAD_PACK, "/r.git", False)),
        (b"POST", b"/a/b/c.git/git-receive-pack", HttpTarget(Service.RECEIVE_PACK, "/a/b/c.git", False)),
        (b"GET", b"/a%20b/%c3%a9'\"[1].git" + DISCOVERY, HttpTarget(Service.UPLOAD_PACK, "/a b/é'\"[1].git", True)),
        (b"POST", b"/100%2525.git/git-upload-pack", HttpTarget(Service.UPLOAD_PACK, "/100%25.git", False)),
        (b"POST", b"/info/refs/git-upload-pack", HttpTarget(Service.UPLOAD_PACK, "/info/refs", False)),
    ],
)
def test_the_requests_of_git_are_understood(method, target, expected):
    assert parse_http_target(method, target) == expected


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        (b"GET", b"/r.git/info/refs", 403, None),
        (b"GET", b"/r.git/info/refs?service=", 403, None),
        (b"GET", b"/r.git/info/refs?service=git-evil", 403, None),
        (b"GET", b"/r.git/info/refs?service=git-upload-archive", 403, None),
        (b"GET", b"/r.git/info/refs?service=upload-pack", 403, None),
        (b"GET", b"/r.git/info/refs?service=git-upload-pack&service=git-receive-pack", 400, None),
        (b"GET", b"/r.git/info/refs?service=git-upload-pack&%73ervice=git-receive-pack", 400, None),
        (b"GET", b"/r.git/info/refs?" + b"a=b&" * 100, 400, None),
        (b"GET", b"/r.git/git-upload-pack", 405, "POST"),
        (b"PUT", b"/r.git/git-receive-pack", 405, "POST"),
        (b"POST", b"/r.git" + DISCOVERY, 405, "GET, HEAD"),
        (b"PUT", b"/r.git" + DISCOVERY, 405, "GET, HEAD"),
        (b"TRACE", b"/", 405, "GET, HEAD, POST"),
        (b"CONNECT", b"example.org:443", 405, "GET, HEAD, POST"),
        (b"OPTIONS", b"*", 405, "GET, HEAD, POST"),
        (b"get", b"/r.git" + DISCOVERY, 405, "GET, HEAD"),
        (b"GET", b"/", 404, None),
        (b"GET", b"/r.git/config", 404, None),
        (b"GET", b"/r.git/HEAD", 404, None),
        (b"POST", b"/r.git/git-upload-archive", 404, None),
        (b"GET", b"/favicon.ico", 404, None),
        (b"GET", b"*", 400, None),
        (b"GET", b"r.git" + DISCOVERY, 400, None),
        (b"GET", b"http://evil/r.git" + DISCOVERY, 400, None),
        (b"GET", b"/r.git#x" + DISCOVERY, 400, None),
        (b"GET", b"/r%.git" + DISCOVERY, 400, None),
        (b"GET", b"/r%zz.git" + DISCOVERY, 400, None),
        (b"GET", b"/\xc3\xa9.git" + DISCOVERY, 400, None),
    ],
)
def test_what_is_not_served_is_told_with_the_status_of_git_http_backend(method, target, status, allow):
    with pytest.raises(Unserved) as raised:
        parse_http_target(method, target)
    assert (raised.value.status, raised.value.allow) == (HTTPStatus(status), allow)


@pytest.mark.parametrize(
    "path",
    [
        b"/../r.git",
        b"/a/../r.git",
        b"/a/./r.git",
        b"//r.git",
        b"/a//r.git",
        b"/r.git/",
        b"/%2e%2e/r.git",
        b"/%2E./r.git",
        b"/a%2fr.git",
        b"/a%2Fr.git",
        b"/r%00.git",
        b"/r%0a.git",
        b"/%1b[31m.git",
        b"/r%ff.git",
        b"/-r.git",
        b"/%2dr.git",
        b"",
        b"/",
    ],
)
def test_a_path_that_two_readers_could_read_differently_is_refused(path):
    """CVE-2025-22130 and its like: a proxy, or a rule, judges one reading of a path, and the file system gets another.

    1. The attacker asks for `/public/%2e%2e/secret.git`, or `//secret.git`, or `/public%2f..%2fsecret.git`.
    2. Whoever guards `/secret.git` compares the path as it is written, and lets it pass.
    3. Whoever opens it decodes and normalises first.
    """
    for method, suffix in ((b"GET", DISCOVERY), (b"POST", b"/git-receive-pack")):
        with pytest.raises(Malformed) as raised:
            parse_http_target(method, path + suffix)
        assert getattr(raised.value, "status", HTTPStatus.BAD_REQUEST) == HTTPStatus.BAD_REQUEST


def test_a_suffix_is_not_looked_for_behind_an_escape():
    with pytest.raises(Unserved) as raised:
        parse_http_target(b"POST", b"/r.git/git%2Dupload-pack")
    assert raised.value.status == HTTPStatus.NOT_FOUND


@given(st.sampled_from([b"GET", b"HEAD", b"POST", b"PUT"]), st.binary(max_size=80), st.sampled_from([b"", DISCOVERY]))
def test_no_target_raises_anything_but_malformed(method, path, suffix):
    try:
        target = parse_http_target(method, b"/" + path + suffix)
    except Malformed:
        return
    assert target.path == normalize_path(target.path.encode())


@given(st.text(min_size=1, max_size=20))
def test_what_is_percent_encoded_arrives_as_it_was(name):
    encoded = b"".join(b"%%%02x" % byte for byte in name.encode("utf-8", "surrogatepass"))
    try:
        expected = normalize_path(b"/" + name.encode("utf-8", "surrogatepass"))
    except Malformed:
        expected = None
    if "/" in name:
        expected = None  # an escaped slash is refused
    try:
        path = parse_http_target(b"POST", b"/" + encoded + b"/git-upload-pack").path
    except Malformed:
        path = None
    assert path == expected
