"""What listens for http and https."""

from typing import Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Connection

from gitgate.config.model import Limits
from gitgate.gateway import Gateway
from gitgate.plugin import Transport
from gitgate.reactor import Clock
from gitgate.transports.connections import Connections, TurnedAway, peer_at
from gitgate.transports.http import responses
from gitgate.transports.http.channel import GitChannel
from gitgate.transports.http.request import GitHttpRequest
from gitgate.transports.http.surroundings import Surroundings
from gitgate.wire.http_target import Unserved

_TURNED_AWAY: Final = {why: responses.for_turned_away(why).raw() for why in TurnedAway}


class HttpSite(ServerFactory):
    """Makes the channel for each client of one http or https door; for https, TLS is wrapped around it."""

    noisy = False

    def __init__(
        self, gateway: Gateway, connections: Connections, clock: Clock, *, transport: Transport, limits: Limits
    ) -> None:
        self._surroundings = Surroundings(
            gateway=gateway, connections=connections, clock=clock, transport=transport, limits=limits
        )

    def buildProtocol(self, address: IAddress | None) -> "GitChannel | _TurnedAwayClient | None":
        """None closes the connection at once: to be told why over https would cost us a handshake."""
        why = self._surroundings.connections.admit(address)
        if why is not None:
            return _TurnedAwayClient(why) if self._surroundings.transport is Transport.HTTP else None
        channel = GitChannel(self._surroundings)
        channel.requestFactory = GitHttpRequest  # type: ignore[assignment] # it is only made by a GitChannel
        return channel

    def refuse(self, mistake: str, address: IAddress) -> bytes:
        """The answer to a client that has no TLS where it has to. It has its record, and its source pays for it."""
        return self._surroundings.refuse(Unserved(mistake), peer_at(self._surroundings.transport, address))


class _TurnedAwayClient(Protocol):
    """Is told so in a few bytes that were made long before, and read by nobody."""

    transport: Connection  # type: ignore[assignment]

    def __init__(self, why: TurnedAway) -> None:
        self._why = why

    def connectionMade(self) -> None:
        # A new socket has room for this, so it is closed in the next turn of the reactor, whatever the client does.
        self.transport.write(_TURNED_AWAY[self._why])
        self.transport.loseConnection()
