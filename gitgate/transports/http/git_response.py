"""git's output as the response to one request: gitgate.git.process.Client over http."""

from collections.abc import Callable
from typing import Final

from twisted.web.http import Request, datetimeToString

from gitgate.git.process import RunningGit
from gitgate.transports import direct
from gitgate.transports.http.body import RequestBody
from gitgate.transports.http.request_head import RequestHead
from gitgate.transports.stderr_log import StderrLog
from gitgate.wire import pktline

#: As git http-backend has it ("hdr_nocache"): every answer may differ from the one before.
_NEVER_CACHED: Final = (
    (b"Expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"Pragma", b"no-cache"),
    (b"Cache-Control", b"no-cache, max-age=0, must-revalidate"),
)


class GitResponse:
    """Sends what git says, and nothing until git has said something: a git that fails at once is no success."""

    def __init__(
        self,
        request: Request,
        head: RequestHead,
        body: RequestBody,
        stderr: StderrLog,
        let_in: Callable[[], None],
    ) -> None:
        """`let_in` is called when git runs: the client has shown what it may do."""
        self.committed = False
        self._let_in = let_in
        self._request = request
        self._head = head
        self._body = body
        self._stderr = stderr

    def commit(self) -> None:
        """Tell the client that the request has succeeded, as far as can be known."""
        if self.committed:
            return
        self.committed = True
        target = self._head.target
        kind = "advertisement" if target.advertisement else "result"
        content_type = (b"Content-Type", f"application/x-{target.service.value}-{kind}".encode())
        for name, value in ((b"Date", datetimeToString()), *_NEVER_CACHED, content_type):
            self._request.setHeader(name, value)
        # With protocol 2, the absence of this line says that it is spoken.
        if target.advertisement and self._head.protocol != 2:
            self._request.write(pktline.encode(f"# service={target.service.value}\n".encode()) + pktline.FLUSH)
        else:
            self._request.write(b"")

    # What git calls.

    def git_started(self, git: RunningGit) -> None:
        self._let_in()
        self._request.registerProducer(git, True)
        if self._head.expects_continue and not self._body.begun:
            self._request.channel.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._body.start(git)

    def write(self, data: bytes) -> None:
        if self._body.malformed is None and data:
            self.commit()
            if self._request.chunked and self._request.channel is not None:
                # As `Request.write` does it, but at once.
                direct.send(self._request.channel.transport, (b"%x\r\n" % len(data), data, b"\r\n"))
            else:
                self._request.write(data)

    def write_error(self, data: bytes) -> None:
        self._stderr.write(data)

    def pauseProducing(self) -> None:
        self._body.pause()

    def resumeProducing(self) -> None:
        self._body.resume()
