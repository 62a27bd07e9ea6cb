"""A channel between a client that is written by hand and a gateway that records."""

from dataclasses import dataclass, field

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.git.process import GitExit
from gitgate.login import Login
from gitgate.plugin import Credentials, GitRequest, Identity, Password, Peer, Transport
from gitgate.refusals import MalformedRequest, Refusal
from gitgate.transports.connections import Connections
from gitgate.transports.http.site import HttpSite

LIMITS = Limits(max_connections=10)


class RecordingGit:
    """In place of a GitProcess. With `room`, it pauses its client after so many bytes, as a pipe that is full."""

    def __init__(self, client, room: int | None = None) -> None:
        self.client = client
        self.room = room
        self.taken = b""
        self.finished = False
        self.paused = False
        self.ended: Deferred[GitExit] = Deferred()

    def write(self, data: bytes) -> None:
        assert not self.finished
        self.taken += data
        if self.room is not None and len(self.taken) >= self.room:
            self.client.pauseProducing()

    def take(self, more: int) -> None:
        """git has read on, and there is room for some more bytes."""
        self.room = len(self.taken) + more
        self.client.resumeProducing()

    def finish(self) -> None:
        self.finished = True

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        pass

    def end(self, code: int = 0, *, silent: bool = False) -> None:
        self.ended.callback(GitExit(code=code, bytes_in=0, bytes_out=0, silent=silent))


class RecordingGateway:
    """Answers at once, or when told to (`undecided`), with a refusal or a git."""

    def __init__(self) -> None:
        self.accepted: frozenset[type] = frozenset({Password})
        self.refusal: Refusal | None = None
        self.undecided: Deferred[None] | None = None
        self.room: int | None = None
        self.malformed_for: list[str] = []
        self.credentials: list[Credentials] = []
        self.served: list[tuple[GitRequest, Login]] = []
        self.exchanges: list[str] = []
        self.cancelled = 0
        self.gits: list[RecordingGit] = []

    @property
    def git(self) -> RecordingGit:
        return self.gits[-1]

    def malformed(self, reason: str, peer: Peer, request_id: str, login: Login | None = None) -> MalformedRequest:
        self.malformed_for.append(reason)
        return MalformedRequest(reason, message=reason)

    async def authenticate(self, credentials: Credentials, peer: Peer, request_id: str) -> Login:
        self.credentials.append(credentials)
        return Login(identity=Identity(name="alice"), method="password")

    async def serve(self, request: GitRequest, login: Login, client, exchange, *, can_repeat) -> GitExit:
        self.served.append((request, login))
        self.exchanges.append(exchange.value)
        self.can_repeat = can_repeat
        try:
            if self.undecided is not None:
                await self.undecided
            if self.refusal is not None:
                raise self.refusal
            git = RecordingGit(client, self.room)
            self.gits.append(git)
            client.git_started(git)
            return await git.ended
        except CancelledError:
            self.cancelled += 1
            raise


@dataclass
class Conversation:
    """One connection."""

    gateway: RecordingGateway = field(default_factory=RecordingGateway)
    clock: Clock = field(default_factory=Clock)
    limits: Limits = LIMITS
    transport: StringTransport = field(default_factory=StringTransport)

    def __post_init__(self) -> None:
        self.connections = Connections(self.limits, self.clock)
        self.site = HttpSite(self.gateway, self.connections, self.clock, transport=Transport.HTTP, limits=self.limits)
        self.channel = self.site.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, *lines: bytes, body: bytes = b"") -> None:
        """A request line, its headers, the empty line, and some of the body."""
        self.channel.dataReceived(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def send_raw(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def answer(self) -> bytes:
        """What the client has got since the last time."""
        said = self.transport.value()
        self.transport.clear()
        return said

    @property
    def reading(self) -> bool:
        return self.transport.producerState == "producing"

    def status(self) -> int:
        """Of the one response since the last time."""
        return int(self.answer().split(b" ", 2)[1])


DISCOVER = (b"GET /r.git/info/refs?service=git-upload-pack HTTP/1.1", b"Host: git.example.org")
FETCH = (
    b"POST /r.git/git-upload-pack HTTP/1.1",
    b"Host: git.example.org",
    b"Content-Type: application/x-git-upload-pack-request",
)
PUSH = (
    b"POST /r.git/git-receive-pack HTTP/1.1",
    b"Host: git.example.org",
    b"Content-Type: application/x-git-receive-pack-request",
)


@pytest.fixture
def conversation() -> Conversation:
    return Conversation()


@pytest.fixture
def discover() -> tuple[bytes, ...]:
    return DISCOVER


@pytest.fixture
def fetch() -> tuple[bytes, ...]:
    return FETCH


@pytest.fixture
def push() -> tuple[bytes, ...]:
    return PUSH
