"""The names of twisted.web that channel.py uses although they are private."""

import pytest
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel, Request


class Watching(HTTPChannel):
    def __init__(self):
        super().__init__()
        self.seen = None
        self.refused = 0

    def allHeadersReceived(self):
        self.seen = (self._command, self._path, self._version)

    def allContentReceived(self):
        pass

    def _respondToBadRequestAndDisconnect(self):  # noqa: N802
        self.refused += 1
        self.clearLineBuffer()


@pytest.fixture
def channel():
    channel = Watching()
    channel.requestFactory = Request
    channel.makeConnection(StringTransport())
    return channel


def test_the_request_line_is_known_when_the_headers_have_come(channel):
    channel.dataReceived(b"POST /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n")
    assert channel.seen == (b"POST", b"/a?b=c", b"HTTP/1.1")


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 600 + b"\r\n",
    ],
)
def test_every_bad_request_goes_through_the_one_method(channel, data):
    channel.dataReceived(data)
    assert (channel.refused, channel.seen) == (1, None)
    assert channel.transport.value() == b""


def test_the_trailers_of_a_chunked_body_can_be_bounded(channel):
    channel.dataReceived(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    assert channel._transferDecoder._maxTrailerHeadersSize > 2
    channel._transferDecoder._maxTrailerHeadersSize = 2
    channel.dataReceived(b"a: b\r\n")
    assert channel.refused == 1


def test_a_bad_chunk_does_too(channel):
    channel.dataReceived(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert channel.refused == 1
