"""One request: asks the gateway before the body is read, and sends the answer."""

import logging

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http import Request

from gitgate.gateway import new_request_id
from gitgate.git.process import GitExit
from gitgate.login import ANONYMOUS_LOGIN
from gitgate.plugin import GitRequest, Password, Service
from gitgate.refusals import CredentialsRefused, Refusal
from gitgate.transports.http import responses
from gitgate.transports.http.body import RequestBody
from gitgate.transports.http.channel import GitChannel
from gitgate.transports.http.git_response import GitResponse
from gitgate.transports.http.request_head import RequestHead, parse_request_head
from gitgate.transports.http.responses import Response
from gitgate.transports.stderr_log import StderrLog
from gitgate.wire.malformed import Malformed

_log = logging.getLogger(__name__)


class GitHttpRequest(Request):
    """Streams. Nothing of twisted.web that keeps a body, or looks into one, is reached.

    For a request with a body the channel calls `headers_received` first, `handleContentChunk` with each part, and
    `requestReceived` at the end; for one without, `requestReceived` alone.
    """

    channel: GitChannel

    def __init__(self, channel: GitChannel, queued: object) -> None:
        """`queued` is what twisted.web passes; there is one request at a time."""
        super().__init__(channel)
        self.body_is_complete = False
        self.git_has_answered = False
        self._gateway = channel.surroundings.gateway
        self._longest_fetch = channel.surroundings.limits.max_fetch_request
        self._peer = channel.peer
        self._request_id = new_request_id()
        self._stderr = StderrLog(self._request_id)
        self._pieces: list[bytes] = []
        self._body: RequestBody | None = None
        self._serving: Deferred[GitExit] | None = None
        self._client_is_gone = False

    # What the channel calls.

    def headers_received(self, method: bytes, target: bytes, version: bytes) -> None:
        """Decide what is to be done. Called before a byte of the body."""
        self.method, self.uri, self.clientproto = method, target, version
        try:
            head = parse_request_head(method, target, version, self.requestHeaders, has_body=not self.body_is_complete)
        except Malformed as malformed:
            self._gateway.malformed(str(malformed), self._peer, self._request_id)
            self._answer(responses.for_malformed(malformed, self._request_id, self._gateway.accepted))
        else:
            self._serve(head)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self._pieces.append(data)

    def give_to_git(self) -> int:
        """Pass on what has come of the body since the last time, and say in how many pieces it came."""
        pieces, self._pieces = self._pieces, []
        if pieces and self._body is not None:
            self._body.received(b"".join(pieces))
        return len(pieces)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.body_is_complete = True
        self.give_to_git()
        if self._body is not None:
            self._body.received_all()
        else:
            self.headers_received(command, path, version)

    def body_broken(self, malformed: Malformed) -> bool:
        """The rest of the body cannot be understood. Whether this request still gets its answer."""
        if self._body is None:
            return False
        self.give_to_git()
        self._body.broken(malformed)
        return True

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        self._client_is_gone = True
        if self._serving is not None:
            self._serving.cancel()

    def _serve(self, head: RequestHead) -> None:
        self._body = body = RequestBody(
            compressed=head.compressed,
            longest=self._longest_fetch if head.target.service is Service.UPLOAD_PACK else None,
            wait=self.channel.hold,
            go_on=self.channel.release,
        )
        if self.body_is_complete:
            body.received_all()
        response = GitResponse(self, head, body, self._stderr, self.channel.let_in)
        self._serving = Deferred.fromCoroutine(self._decide_and_run(head, response))
        if not (self._serving.called or body.is_taken):
            # Not a byte more until there is a decision; the kernel keeps what the client sends meanwhile.
            self.channel.hold()
        self._serving.addCallbacks(
            self._git_ended, self._failed, callbackArgs=(body, response), errbackArgs=(response,)
        )

    async def _decide_and_run(self, head: RequestHead, response: GitResponse) -> GitExit:
        login = ANONYMOUS_LOGIN
        if head.credentials is not None:
            login = await self._gateway.authenticate(head.credentials, self._peer, self._request_id)
        request = GitRequest(
            request_id=self._request_id,
            peer=self._peer,
            service=head.target.service,
            path=head.target.path,
            protocol=head.protocol,
            host=head.host,
            access=head.target.service.access,
            username=head.credentials.username if isinstance(head.credentials, Password) else None,
        )
        return await self._gateway.serve(request, login, response, head.exchange, can_repeat=head.can_repeat)

    def _git_ended(self, git: GitExit, body: RequestBody, response: GitResponse) -> None:
        self._stderr.close()
        if self._client_is_gone:
            return
        self.unregisterProducer()
        if body.malformed is None and not git.silent and (git.code == 0 or (git.code > 0 and response.committed)):
            # Where git has failed by itself after it began to speak, it has told the client so in its own words.
            response.commit()
            self.git_has_answered = True
            self.finish()
        elif response.committed:
            # Without the last chunk, so that the client does not take what it got for all there is.
            self.channel.loseConnection()
        elif body.malformed is not None:
            self._answer(responses.for_malformed(body.malformed, self._request_id, self._gateway.accepted))
        else:
            self._answer(responses.for_failure(self._request_id))

    def _failed(self, failure: Failure, response: GitResponse) -> None:
        if self._client_is_gone:
            return
        self.unregisterProducer()
        if isinstance(failure.value, CredentialsRefused):
            self.channel.login_refused()
        if response.committed:
            # Nothing can be answered any more; without the last chunk, the client sees that it is not all.
            if not isinstance(failure.value, Refusal):
                _log.error("request %s failed", self._request_id, exc_info=failure.value)
            self.channel.loseConnection()
        elif isinstance(failure.value, Refusal):
            self._answer(responses.for_refusal(failure.value, self._gateway.accepted))
        else:
            _log.error("request %s failed", self._request_id, exc_info=failure.value)
            self._answer(responses.for_failure(self._request_id))

    def _answer(self, response: Response) -> None:
        self.setResponseCode(response.status, response.status.phrase.encode())
        for name, value in response.headers:
            self.responseHeaders.addRawHeader(name, value)
        self.channel.let_in()
        if not (self.body_is_complete and self.channel.persistent):
            self.setHeader(b"Connection", b"close")
        self.write(response.body)
        self.finish()
