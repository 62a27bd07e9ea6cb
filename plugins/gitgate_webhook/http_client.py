"""One POST and its whole reply: treq, without what it would do besides.

treq follows redirects, keeps cookies, and inflates what comes compressed: here a redirect is a reply like any other, a
jar lives for one exchange, and what is compressed is refused, as 200 kB can be 200 MB.
"""

from dataclasses import dataclass
from typing import Any, Final

from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from gitgate_webhook.address import Address
from gitgate_webhook.failures import BadReply, NoAnswer, ServiceDown
from gitgate_webhook.printable import printable

#: The longest body of a reply, in bytes.
LONGEST_BODY: Final = 64 * 1024

#: What may come over a connection for one question, in bytes: a body in small chunks, and a head, which Twisted would
#: collect for as long as it comes.
_LONGEST_REPLY: Final = 8 * LONGEST_BODY

#: For how long a connection is kept open without being used. Services close theirs after 5 s to a few minutes.
_KEPT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply. `content_type` is without parameters, in small letters; "" where there is none."""

    status: int
    content_type: str
    body: bytes


def endpoint_of(address: Address, tls: Any, reactor: Any) -> Any:
    """What connects to the service; over TLS with what `tls` makes."""
    if address.socket is not None:
        return UNIXClientEndpoint(reactor, str(address.socket))
    endpoint: Any = HostnameEndpoint(reactor, address.host.encode("ascii"), address.port)
    return endpoint if tls is None else wrapClientTLS(tls, endpoint)


class HttpClient:
    """Sends to one service, over connections that are kept open. Proxies of the environment are not used."""

    def __init__(self, address: Address, tls: Any, reactor: Any, *, most_kept_open: int) -> None:
        self._url = address.url
        self._endpoint = endpoint_of(address, tls, reactor)
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = most_kept_open
        self._pool.cachedConnectionTimeout = _KEPT_SECONDS
        self._pool.retryAutomatically = False  # what may be sent twice is decided by who asks

    async def post(self, body: bytes, headers: dict[str, str]) -> HttpReply:
        """The reply to `body`. Raises `NoAnswer`. Cancel it to give up; the connection is then closed."""
        door = _Door(self._endpoint)
        sent = Headers({name: [value] for name, value in headers.items()})
        agent: Any = _Uncompressed(Agent.usingEndpointFactory(self._reactor, door, self._pool))
        try:
            response = await HTTPClient(agent).post(
                self._url, data=body, headers=sent, allow_redirects=False, unbuffered=True, reactor=self._reactor
            )
            whole = await _body(response)
        except (CancelledError, NoAnswer):
            raise
        except Exception as error:
            raise no_reply(error, door.is_new_connection) from error
        content_types = response.headers.getRawHeaders("content-type", [""])
        return HttpReply(response.code, content_types[-1].partition(";")[0].strip().lower(), whole)

    async def close(self) -> None:
        """Close the connections that are open and not in use."""
        await self._pool.closeCachedConnections()


@implementer(IAgentEndpointFactory)
class _Door:
    """The way to the service for one exchange, which knows whether it had to be opened."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        self.is_new_connection = False

    def endpointForURI(self, uri: Any) -> Any:  # noqa: N802
        return self

    def connect(self, factory: Any) -> Any:
        self.is_new_connection = True
        return self._endpoint.connect(_BoundedFactory(factory)).addCallback(lambda bounded: bounded.wrappedProtocol)


class ReplyTooLong(Exception):
    """More has come than any reply needs."""


class _Bounded(ProtocolWrapper):
    """Ends a connection over which a reply comes without end."""

    _received = 0

    def write(self, data: bytes) -> None:
        self._received = 0
        super().write(data)

    def writeSequence(self, data: Any) -> None:  # noqa: N802
        self._received = 0
        super().writeSequence(data)

    def dataReceived(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= _LONGEST_REPLY:
            super().dataReceived(data)
            return
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        is_too_long = self._received > _LONGEST_REPLY
        super().connectionLost(Failure(ReplyTooLong(f"more than {_LONGEST_REPLY} bytes")) if is_too_long else reason)


class _BoundedFactory(WrappingFactory):
    protocol = _Bounded
    noisy = False  # it is one for each connection


@implementer(IAgent)
class _Uncompressed:
    """Asks for bodies as they are, and takes no others. treq would inflate them: each chunk whole, without a bound."""

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Any:  # noqa: N803
        headers.setRawHeaders("accept-encoding", ["identity"])
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(self._refuse_compressed)

    def _refuse_compressed(self, response: Any) -> Any:
        encodings = b",".join(response.headers.getRawHeaders(b"content-encoding", ()))
        if encodings.strip().lower() in (b"", b"identity"):
            return response
        unread = _body(response)
        unread.addErrback(lambda _: None)
        unread.cancel()
        raise BadReply("the body is compressed, which was not asked for")


def _body(response: Any) -> "Deferred[bytes]":
    """The body. Cancelled, it ends the connection."""
    collector = _Collector()
    response.deliverBody(collector)
    return collector.whole


class _Collector(Protocol):
    """Collects a body; one that is too long ends the connection."""

    def __init__(self) -> None:
        self._received = bytearray()
        self.whole: Deferred[bytes] = Deferred(lambda _: self._stop())

    def dataReceived(self, data: bytes) -> None:
        if self.whole.called:
            return
        self._received += data
        if len(self._received) > LONGEST_BODY:
            self.whole.errback(BadReply(f"the body is longer than {LONGEST_BODY} bytes"))
            self._stop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        # PotentialDataLoss: the body ended with the connection. A JSON object that was cut off is none any more.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(bytes(self._received))
        else:
            self.whole.errback(reason)

    def _stop(self) -> None:
        # loseConnection would wait for the service to agree, where TLS is spoken, and one that is stopped never does.
        producer: Any = self.transport
        producer.stopProducing()


def no_reply(error: Exception, is_new_connection: bool) -> ServiceDown:
    """What an exception of Twisted's means here."""
    if isinstance(error, ConnectError | DNSLookupError):
        return ServiceDown(f"cannot connect: {printable(str(error), 200).rstrip('.')}", may_repeat=True)
    reasons = [failure.value for failure in getattr(error, "reasons", ())] or [error]
    for reason in reasons:
        if isinstance(reason, VerificationError):
            return ServiceDown("TLS: its certificate is for another host name")
        if isinstance(reason, SSL.Error):
            return ServiceDown(f"TLS: {_words_of_tls(reason)}")
    if isinstance(reasons[0], ConnectionClosed):  # Twisted adds what it lacks at the end
        return ServiceDown(
            "it closed the connection before its reply was whole",
            closed_while_idle=not is_new_connection and isinstance(error, ResponseNeverReceived),
        )
    return ServiceDown(f"no whole HTTP reply: {_words(reasons[0])}")


def _words(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {error}", 200)


def _words_of_tls(error: SSL.Error) -> str:
    """The reasons that OpenSSL gives, such as "certificate verify failed"."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(entry[-1]) for entry in queue) or "the connection failed"
