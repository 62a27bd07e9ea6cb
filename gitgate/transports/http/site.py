"""What listens for http and https."""

from typing import Final

from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Connection
from zope.interface import implementer

from gitgate.gateway import Gateway
from gitgate.plugin import Transport
from gitgate.reactor import Clock
from gitgate.transports.connections import Connections
from gitgate.transports.http.channel import GitChannel, Surroundings
from gitgate.transports.http.request import GitHttpRequest

#: HTTP/2 would pass by the channel, and with it by every deadline and limit. `curl --http1.0` offers nothing but 1.0.
_SPOKEN: Final = (b"http/1.1", b"http/1.0")


@implementer(IProtocolNegotiationFactory)
class HttpSite(ServerFactory):
    """Makes the channel for each client of one http or https door; for https, TLS is wrapped around it."""

    noisy = False

    def __init__(
        self,
        gateway: Gateway,
        connections: Connections,
        clock: Clock,
        *,
        transport: Transport,
        login_deadline_seconds: float,
    ) -> None:
        self._surroundings = Surroundings(
            gateway=gateway,
            connections=connections,
            clock=clock,
            transport=transport,
            login_deadline_seconds=login_deadline_seconds,
        )

    def buildProtocol(self, address: IAddress | None) -> "GitChannel | _TurnedAway":
        """One that closes the connection at once where as many are open as may be."""
        if self._surroundings.connections.full:
            return _TurnedAway()
        channel = GitChannel(self._surroundings)
        channel.requestFactory = GitHttpRequest  # type: ignore[assignment] # it is only made by a GitChannel
        return channel

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802
        """What TLS negotiates with the client (RFC 7301)."""
        return list(_SPOKEN)


class _TurnedAway(Protocol):
    """A client for whom there is no room.

    Twisted closes a connection for which a factory makes None, but its TLS factory wraps the None as if it were a
    protocol: the client would stay, uncounted and without a deadline, and each would cost three tracebacks in the log.
    """

    transport: Connection  # type: ignore[assignment]

    def connectionMade(self) -> None:
        self.transport.abortConnection()
