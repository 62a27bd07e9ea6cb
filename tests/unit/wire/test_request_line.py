import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import Service
from gitgate.wire.malformed import Malformed, NotGit
from gitgate.wire.request_line import RequestLine, parse_request_line


@pytest.mark.parametrize(
    ("payload", "request_line"),
    [
        (b"git-upload-pack /r.git\0host=h\0", RequestLine(Service.UPLOAD_PACK, "/r.git", "h", 0)),
        (
            b"git-upload-pack /r.git\0host=h:9418\0\0version=2\0",
            RequestLine(Service.UPLOAD_PACK, "/r.git", "h:9418", 2),
        ),
        (
            b"git-receive-pack /r.git\0host=[::1]\0\0version=1\0",
            RequestLine(Service.RECEIVE_PACK, "/r.git", "[::1]", 1),
        ),
        (b"git-upload-archive /r.git", RequestLine(Service.UPLOAD_ARCHIVE, "/r.git", None, 0)),
        (b"git-upload-pack /r.git\n", RequestLine(Service.UPLOAD_PACK, "/r.git", None, 0)),
        (b"git-upload-pack /r.git\0\0version=2\0", RequestLine(Service.UPLOAD_PACK, "/r.git", None, 2)),
        (b"git-upload-pack /r\0host=h\0\0foo\0version=2\0x=y\0", RequestLine(Service.UPLOAD_PACK, "/r", "h", 2)),
        (b"git-upload-pack /a b\0host=../../etc\0", RequestLine(Service.UPLOAD_PACK, "/a b", None, 0)),
        (b"git-upload-pack /r\0host=%s\0", RequestLine(Service.UPLOAD_PACK, "/r", None, 0)),
    ],
)
def test_a_request_line_is_read_as_git_daemon_reads_it(payload: bytes, request_line: RequestLine) -> None:
    assert parse_request_line(payload) == request_line


@pytest.mark.parametrize(
    "payload", [b"", b"GET / HTTP/1.1\r\n", b"git-upload-pack", b"git-shell /r", b"host=h", b"git upload-pack /r"]
)
def test_what_is_no_git_request_gets_no_explanation(payload: bytes) -> None:
    with pytest.raises(NotGit):
        parse_request_line(payload)


@pytest.mark.parametrize("path", [b"/a\nb", b"/../a", b"/a//b", b"", b"/\xff", b"-x"])
def test_a_path_that_cannot_be_one_is_refused(path: bytes) -> None:
    """CVE-2021-40330: a newline in the path of a git:// request becomes a second command for whoever reads it on."""
    with pytest.raises(Malformed) as caught:
        parse_request_line(b"git-upload-pack " + path + b"\0host=h\0")
    assert not isinstance(caught.value, NotGit)


@given(st.binary(max_size=200))
def test_whatever_a_client_writes_is_understood_or_malformed(payload: bytes) -> None:
    try:
        parse_request_line(payload)
    except Malformed:
        pass
