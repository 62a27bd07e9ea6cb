"""The ssh door and a client of our own, connected in memory: what no well-behaved client would send can be sent."""

# ruff: noqa: N802, N803 - the names are Twisted's

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from struct import pack
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gitgate.audit import Audit
from gitgate.config import Limits
from gitgate.git.process import Client, GitExit
from gitgate.login import METHODS, Login
from gitgate.overview import Overview
from gitgate.plugin import AuditRecord, Credentials, Duration, GitRequest, Identity, Password, Peer, PublicKey
from gitgate.refusals import MalformedRequest
from gitgate.refused_keys import RefusedKeys
from gitgate.transports.connections import Connections
from gitgate.transports.penalties import Offence
from gitgate.transports.ssh.factory import SshFactory
from gitgate.transports.ssh.key_exchange import STRICT_CLIENT, STRICT_SERVER
from gitgate.transports.ssh.packet_transport import PacketTransport
from gitgate.transports.ssh.transport import SshTransport

HOST_KEY = Key(Ed25519PrivateKey.generate())


@dataclass
class RecordingGateway:
    """Logs everybody in under the name that was given, unless a test says otherwise. `asked` has all credentials."""

    accepted: frozenset[type] = frozenset({PublicKey, Password})
    asked: list[Credentials] = field(default_factory=list)
    requests: list[tuple[str, GitRequest]] = field(default_factory=list)
    judge: Callable[[Credentials], Awaitable[Identity] | Identity | Exception] = lambda c: Identity(name=c.username)
    served: Callable[[Client], Awaitable[GitExit] | Exception] = lambda client: Deferred()
    records: list[AuditRecord] = field(default_factory=list)
    overviews: list[tuple[str, GitRequest, int]] = field(default_factory=list)
    reachable: Callable[[], Awaitable[Overview] | Overview | Exception] = Overview

    async def authenticate(self, credentials: Credentials, peer: Peer, request_id: str) -> Login:
        self.asked.append(credentials)
        answer = self.judge(credentials)
        if isinstance(answer, Exception):
            raise answer
        identity = answer if isinstance(answer, Identity) else await answer
        fingerprint = credentials.fingerprint if isinstance(credentials, PublicKey) else None
        return Login(identity=identity, method=METHODS[type(credentials)], plugin="judge", fingerprint=fingerprint)

    async def serve(self, request: GitRequest, login: Login, client: Client) -> GitExit:
        self.requests.append((login.identity.name, request))
        answer = self.served(client)
        if isinstance(answer, Exception):
            raise answer
        return await answer

    async def overview(self, login: Login, request: GitRequest, *, most: int, seconds: float) -> Overview:
        self.overviews.append((login.identity.name, request, most))
        answer = self.reachable()
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Overview) else await answer

    def refused_keys(self, peer: Peer) -> RefusedKeys:
        return RefusedKeys(Audit(Clock(), self.records.append), peer)

    def malformed(self, reason: str, peer: Peer, request_id: str, login: Login | None = None) -> MalformedRequest:
        return MalformedRequest(reason, message=reason)


class Socket:
    """One end of a connection in memory. What is written waits in `sent` until it is carried over."""

    def __init__(self, port: int) -> None:
        self.sent = bytearray()
        self.is_closed = False
        self.is_aborted = False
        self.is_read = True
        self.producer: Any = None
        self.here: IPv4Address | IPv6Address = IPv4Address("TCP", "192.0.2.1", 22)
        self._address = IPv4Address("TCP", "192.0.2.7", port)

    def write(self, data: bytes) -> None:
        self.sent += data

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def loseConnection(self) -> None:
        self.is_closed = True

    def abortConnection(self) -> None:
        self.is_closed = self.is_aborted = True

    def registerProducer(self, producer: object, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.is_read = False

    def resumeProducing(self) -> None:
        self.is_read = True

    def setTcpNoDelay(self, enabled: bool) -> None: ...

    def setTcpKeepAlive(self, enabled: bool) -> None: ...

    def getPeer(self) -> IPv4Address:
        return self._address

    def getHost(self) -> IPv4Address | IPv6Address:
        return self.here


class RawClient(PacketTransport, SSHClientTransport):
    """Does the key exchange; all else is up to the test. `received` has what came, as (message, payload)."""

    strict_here, strict_there = STRICT_CLIENT, STRICT_SERVER

    def __init__(self) -> None:
        super().__init__()
        self.received: list[tuple[int, bytes]] = []
        self.is_secure = False

    def verifyHostKey(self, hostKey: bytes, fingerprint: str) -> "Deferred[int]":
        return succeed(1)

    def connectionSecure(self) -> None:
        self.is_secure = True

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        self.new_keys_begin(packet)
        super().ssh_NEWKEYS(packet)
        self.key_exchange_ended()

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        if messageNum >= 50 or messageNum in (1, 3, 6, 7):
            self.received.append((messageNum, payload))
        else:
            super().dispatchMessage(messageNum, payload)


class Line:
    """A server and a raw client. `carry` takes what both have written to the other end, until all is quiet."""

    def __init__(
        self,
        gateway: RecordingGateway,
        *,
        public_url: str | None = None,
        client: RawClient | None = None,
        **limits: Any,
    ) -> None:
        self.gateway = gateway
        self.clock = Clock()
        self.connections = Connections(Limits(max_connections=10), self.clock)
        factory = SshFactory(
            gateway,  # type: ignore[arg-type]
            self.connections,
            self.clock,  # type: ignore[arg-type]
            [HOST_KEY],
            # The clock leaps in most tests, and no client answers meanwhile.
            limits=Limits(**{"keepalive_interval": Duration.parse("30d"), **limits}),
            public_url=public_url,
        )
        factory.startFactory()
        self.blamed: list[Offence] = []
        self.connections.blame = lambda peer, offence: self.blamed.append(offence)  # type: ignore[method-assign]
        server = factory.buildProtocol(None)
        assert server is not None
        self.server: SshTransport = server
        self.client = client or RawClient()
        self.server_socket, self.client_socket = Socket(40000), Socket(22)
        self.server.makeConnection(self.server_socket)
        self.client.makeConnection(self.client_socket)

    def carry(self) -> None:
        while self.server_socket.sent or self.client_socket.sent:
            to_client, self.server_socket.sent = bytes(self.server_socket.sent), bytearray()
            to_server, self.client_socket.sent = bytes(self.client_socket.sent), bytearray()
            if to_client:
                self.client.dataReceived(to_client)
            if to_server and not self.server_socket.is_closed:
                self.server.dataReceived(to_server)

    def send(self, message: int, payload: bytes) -> None:
        """Send one message, and carry all that follows from it."""
        self.client.sendPacket(message, payload)
        self.carry()

    def lose(self) -> None:
        """The connection breaks."""
        self.server.connectionLost(Failure(ConnectionDone()))

    def take(self) -> list[tuple[int, bytes]]:
        """What the client has received since the last time."""
        received, self.client.received = self.client.received, []
        return received

    def begin_login(self) -> None:
        self.carry()
        self.send(5, NS(b"ssh-userauth"))
        self.take()

    def log_in(self, username: str = "alice") -> None:
        self.begin_login()
        self.send(50, self.password(username, "secret"))
        assert self.take() == [(52, b"")]

    def open_session(self, window: int = 2**20, largest_packet: int = 32768) -> int:
        """The number of a new session, for the client and the server alike when it is the first."""
        self.send(90, NS(b"session") + pack(">3L", 0, window, largest_packet))
        [(message, payload)] = self.take()
        assert message == 91
        return int.from_bytes(payload[4:8], "big")

    def execute(self, session: int, command: bytes) -> None:
        self.send(98, self.channel_request(session, b"exec", NS(command)))

    @staticmethod
    def password(username: str, password: str, service: bytes = b"ssh-connection") -> bytes:
        return NS(username.encode()) + NS(service) + NS(b"password") + b"\0" + NS(password.encode())

    @staticmethod
    def channel_request(session: int, kind: bytes, rest: bytes = b"", *, wants_reply: bool = True) -> bytes:
        return pack(">L", session) + NS(kind) + (b"\1" if wants_reply else b"\0") + rest


@dataclass
class RecordingGit:
    """Stands for a running git."""

    calls: list[object] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def finish(self) -> None:
        self.calls.append("finish")

    def pauseProducing(self) -> None:
        if self.calls[-1:] != ["pause"]:
            self.calls.append("pause")

    def resumeProducing(self) -> None:
        if self.calls[-1:] != ["resume"]:
            self.calls.append("resume")


@dataclass
class RunningGit:
    """What the tests of a session hold: the session as git's client, git, and the promise of its end."""

    client: Client
    git: RecordingGit
    end: "Deferred[GitExit]"
    is_cancelled: bool = False


@pytest.fixture
def gateway() -> RecordingGateway:
    return RecordingGateway()


@pytest.fixture
def line(gateway: RecordingGateway) -> Line:
    return Line(gateway)


@pytest.fixture
def make_line() -> Callable[..., Line]:
    return Line


@pytest.fixture
def make_client() -> type[RawClient]:
    return RawClient


@pytest.fixture
def git() -> RecordingGit:
    return RecordingGit()


@pytest.fixture
def running(line: Line, gateway: RecordingGateway) -> Callable[..., RunningGit]:
    """Logs in, opens a session with this window, and has git started for it."""

    def run(**window: int) -> RunningGit:
        started: list[RunningGit] = []

        def served(client: Client) -> Deferred[GitExit]:
            run = RunningGit(client, RecordingGit(), Deferred(lambda _: setattr(run, "is_cancelled", True)))
            started.append(run)
            client.git_started(run.git)  # type: ignore[arg-type]
            return run.end

        gateway.served = served
        line.log_in()
        line.execute(line.open_session(**window), b"git-upload-pack '/a.git'")
        line.take()
        return started[0]

    return run


@pytest.fixture(autouse=True)
def _no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client sends, it is no error of the server's. A test that expects one clears it."""
    caplog.set_level(logging.INFO)
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []
