"""One git:// connection: whatever comes is answered in pkt-lines, closed, or waited for."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.refusals import MalformedRequest
from gitgate.transports.connections import Connections
from gitgate.transports.git import GitFactory
from gitgate.wire.pktline import payload_length


class _Gateway:
    """Is asked, and never answers."""

    async def serve(self, request, login, client):
        await Deferred()

    def malformed(self, reason, peer, request_id):
        assert reason.isprintable()
        return MalformedRequest(reason, message=reason)


def fuzz(data: bytes) -> None:
    """The first byte tells into what pieces the network cuts the rest."""
    clock, limits, transport = Clock(), Limits(), StringTransport()
    factory = GitFactory(_Gateway(), Connections(limits, clock), clock, limits=limits)
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    cut = (data[0] if data else 0) + 1
    for start in range(1, len(data), cut):
        if transport.producerState == "producing" and not transport.disconnecting:
            protocol.dataReceived(data[start : start + cut])
    said = transport.value()
    assert not said or payload_length(said[:4]) == len(said) - 4
    assert not said or said[4:8] == b"ERR "
    protocol.connectionLost(None)
    assert clock.getDelayedCalls() == []
