"""What the connections to one http or https door have in common."""

from dataclasses import dataclass

from gitgate.config.model import Limits
from gitgate.gateway import Gateway, new_request_id
from gitgate.plugin import Peer, Transport
from gitgate.reactor import Clock
from gitgate.transports.connections import Connections
from gitgate.transports.http import responses
from gitgate.transports.penalties import Offence
from gitgate.wire.malformed import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the connections of one listener share."""

    gateway: Gateway
    connections: Connections
    clock: Clock
    transport: Transport
    limits: Limits

    def refuse(self, malformed: Malformed, peer: Peer) -> bytes:
        """The answer to what is no request. It has its record, and its source pays for it."""
        self.connections.blame(peer, Offence.MALFORMED)
        request_id = new_request_id()
        self.gateway.malformed(str(malformed), peer, request_id)
        return responses.for_malformed(malformed, request_id, self.gateway.accepted).raw()
