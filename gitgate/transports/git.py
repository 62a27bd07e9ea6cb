"""git://: one request line, then git's own conversation. Nobody logs in here (gitprotocol-pack(5), "Git Transport")."""

import logging
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from gitgate.config.model import Limits
from gitgate.gateway import Gateway, new_request_id
from gitgate.git.process import GitExit, RunningGit
from gitgate.login import ANONYMOUS_LOGIN
from gitgate.plugin import GitRequest, Transport
from gitgate.reactor import Clock, Timer
from gitgate.refusals import Refusal, Unavailable
from gitgate.transports import direct
from gitgate.transports.connections import Connections, TurnedAway, peer_at
from gitgate.transports.penalties import Offence
from gitgate.transports.stderr_log import StderrLog
from gitgate.transports.transfer import Transfer, WatchedGit
from gitgate.wire.malformed import Malformed, NotGit
from gitgate.wire.pktline import HEADER_LENGTH, encode_error, payload_length
from gitgate.wire.request_line import LONGEST_REQUEST, RequestLine, parse_request_line
from gitgate.wire.wrong_port import wrong_port

_log = logging.getLogger(__name__)


class GitFactory(ServerFactory):
    """Makes the protocol for each client of one git:// door."""

    noisy = False

    def __init__(self, gateway: Gateway, connections: Connections, clock: Clock, *, limits: Limits) -> None:
        self.gateway = gateway
        self.connections = connections
        self.clock = clock
        self.limits = limits

    def buildProtocol(self, address: IAddress | None) -> "GitProtocol | _TurnedAwayClient":  # type: ignore[override]
        why = self.connections.admit(address)
        if why is not None:
            return _TurnedAwayClient(why)
        protocol = GitProtocol()
        protocol.factory = self
        return protocol


class _TurnedAwayClient(Protocol):
    """Is told so, and read by nobody."""

    transport: Connection  # type: ignore[assignment]

    def __init__(self, why: TurnedAway) -> None:
        self._why = why

    def connectionMade(self) -> None:
        # A new socket has room for this, so it is closed in the next turn of the reactor, whatever the client does.
        self.transport.write(encode_error(self._why.value))
        self.transport.loseConnection()


@implementer(IHalfCloseableProtocol)
class GitProtocol(Protocol):
    """One client: reads its request line, then stands between it and git."""

    factory: GitFactory
    transport: Connection  # type: ignore[assignment]

    def connectionMade(self) -> None:
        self.factory.connections.add(self.transport)
        self._received = b""
        self._request_id = new_request_id()
        self._peer = peer_at(Transport.GIT, self.transport.getPeer())
        self._stderr = StderrLog(self._request_id)
        self._git: RunningGit | None = None
        self._serving: Deferred[GitExit] | None = None
        self._client_is_gone = False
        self._transfer = Transfer(self.factory.clock, self.factory.limits, self._too_slow)
        self._deadline = self._abort_later(self._no_request)

    def dataReceived(self, data: bytes) -> None:
        if self._git is not None:
            self._git.write(data)
            return
        self._received += data
        if self._serving is None:
            self._read_request()

    def readConnectionLost(self) -> None:
        """The client has sent all that it will, and still reads."""
        if self._git is not None:
            self._git.finish()
        elif self._serving is None:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Required by IHalfCloseableProtocol; we never close our half alone."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._client_is_gone = True
        self.factory.connections.discard(self.transport)
        if self._deadline.active():
            self._deadline.cancel()
        self._transfer.end()
        if self._serving is not None:
            self._serving.cancel()

    # The client's side of git (gitgate.git.process.Client).

    def git_started(self, git: RunningGit) -> None:
        self._git = git
        self.factory.connections.let_in(self.transport)
        self.transport.registerProducer(WatchedGit(git, self._transfer.taking), True)
        self.transport.resumeProducing()
        if self._received:
            git.write(self._received)
            self._received = b""

    def write(self, data: bytes) -> None:
        direct.send(self.transport, (data,))

    def write_error(self, data: bytes) -> None:
        self._stderr.write(data)

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()

    def _read_request(self) -> None:
        try:
            line = self._request_line()
        except NotGit as error:
            self.factory.gateway.malformed(str(error), self._peer, self._request_id)
            self.factory.connections.blame(self._peer, Offence.MALFORMED)
            self.transport.abortConnection()
        except Malformed as error:
            self._refuse(self.factory.gateway.malformed(str(error), self._peer, self._request_id))
        else:
            if line is not None:
                self._serve(line)

    def _request_line(self) -> RequestLine | None:
        """The request, or None until all of it is here. What follows it stays in `_received`."""
        if len(self._received) < HEADER_LENGTH:
            return None
        mistake = wrong_port(self._received, Transport.GIT)
        if mistake is not None:
            raise NotGit(mistake)
        length = payload_length(self._received[:HEADER_LENGTH])
        if length is None or length > LONGEST_REQUEST:
            raise NotGit("the first packet is no request")
        end = HEADER_LENGTH + length
        if len(self._received) < end:
            return None
        payload, self._received = self._received[HEADER_LENGTH:end], self._received[end:]
        return parse_request_line(payload)

    def _serve(self, line: RequestLine) -> None:
        self._deadline.cancel()
        self._transfer.begin()
        # Not a byte more until there is a decision; the kernel keeps what the client sends meanwhile.
        self.transport.pauseProducing()
        request = GitRequest(
            request_id=self._request_id,
            peer=self._peer,
            service=line.service,
            path=line.path,
            protocol=line.protocol,
            host=line.host,
            access=line.service.access,
        )
        self._serving = Deferred.fromCoroutine(self.factory.gateway.serve(request, ANONYMOUS_LOGIN, self))
        self._serving.addCallbacks(self._served, self._failed)

    def _served(self, git: GitExit) -> None:
        if git.code != 0 and git.bytes_out == 0 and not git.abandoned:
            # Why git would not even begin it says on standard error, which this protocol has no place for.
            self._refuse(Unavailable(f"git ended with {git.code}", request_id=self._request_id))
        else:
            self._close()

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError) is not None:
            return
        if isinstance(failure.value, Refusal):
            self._refuse(failure.value)
            return
        _log.error("request %s failed", self._request_id, exc_info=failure.value)
        if self._git is None:
            self._refuse(Unavailable("gitgate itself failed", request_id=self._request_id))
        else:
            self._close()

    def _refuse(self, refusal: Refusal) -> None:
        self.factory.connections.let_in(self.transport)
        self.transport.write(encode_error(refusal.message))
        self._close()

    def _close(self) -> None:
        """Close, once the client has taken what is written; it has the time of a login for that."""
        self._stderr.close()
        self._transfer.end()
        if self._client_is_gone:
            return
        if self._git is not None:
            self.transport.unregisterProducer()
        if self._deadline.active():
            self._deadline.cancel()
        self._deadline = self._abort_later(self.transport.abortConnection)
        self.transport.loseConnection()

    def _no_request(self) -> None:
        self.factory.connections.blame(self._peer, Offence.NO_LOGIN_IN_TIME)
        self.transport.abortConnection()

    def _too_slow(self, what: str) -> None:
        _log.info("git %s: closed, %s", self._peer.address, what)
        self.transport.abortConnection()

    def _abort_later(self, abort: Callable[[], None]) -> Timer:
        return self.factory.clock.callLater(self.factory.limits.login_deadline, abort)
