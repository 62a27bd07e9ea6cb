"""One http connection: whatever comes is answered or waited for, and nothing runs for what is no request."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.git.process import GitExit
from gitgate.login import ANONYMOUS_LOGIN
from gitgate.plugin import Password, Transport
from gitgate.refusals import MalformedRequest
from gitgate.transports.connections import Connections
from gitgate.transports.http.site import HttpSite


class _Git:
    """Takes what it gets, and ends with its input; to be told of that end again means nothing, as for a process."""

    def __init__(self) -> None:
        self.ended: Deferred[GitExit] = Deferred()

    def write(self, data: bytes) -> None:
        assert data

    def finish(self) -> None:
        if not self.ended.called:
            self.ended.callback(GitExit(code=0, bytes_in=0, bytes_out=0))

    def pauseProducing(self) -> None:
        pass

    resumeProducing = stopProducing = pauseProducing


class _Gateway:
    """Serves everybody."""

    accepted = frozenset({Password})

    def malformed(self, reason, peer, request_id, login=None):
        assert reason.isprintable()
        return MalformedRequest(reason, message=reason)

    async def authenticate(self, credentials, peer, request_id):
        return ANONYMOUS_LOGIN

    async def serve(self, request, login, client, exchange, *, can_repeat):
        git = _Git()
        client.git_started(git)
        if request.path.endswith("advertise") or exchange.value == "advertisement":
            git.finish()
        return await git.ended


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    clock, limits, transport = Clock(), Limits(), StringTransport()
    connections = Connections(limits, clock)
    site = HttpSite(_Gateway(), connections, clock, transport=Transport.HTTP, limits=limits)
    channel = site.buildProtocol(None)
    channel.makeConnection(transport)
    cut = (data[0] if data else 0) * 4 + 1
    for start in range(1, len(data), cut):
        if transport.producerState == "producing" and not transport.disconnected:
            channel.dataReceived(data[start : start + cut])
    said = transport.value()
    assert not said or said.startswith(b"HTTP/1.")
    channel.connectionLost(None)
    assert clock.getDelayedCalls() == []
