"""The git:// door, where nobody logs in and every answer has to fit into pkt-lines."""

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.config.source_limits import MaxStartups
from gitgate.git.process import GitExit
from gitgate.plugin import Duration
from gitgate.refusals import AccessDenied, MalformedRequest
from gitgate.transports.connections import Connections, TurnedAway
from gitgate.transports.git import GitFactory
from gitgate.transports.penalties import Offence

HERE = IPv4Address("TCP", "192.0.2.1", 50000)
REQUEST = b"0021git-upload-pack /r.git\0host=h\0"


class RecordingGateway:
    """Answers each request with one outcome: what is raised, or how git ended."""

    def __init__(self, outcome: BaseException | GitExit) -> None:
        self.outcome = outcome

    async def serve(self, request, login, client):
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.fixture
def answer_to():
    """What a client is answered whose request has this outcome, and whether the connection is closed."""

    def ask(outcome):
        clock, limits = Clock(), Limits()
        factory = GitFactory(RecordingGateway(outcome), Connections(limits, clock), clock, limits=limits)
        protocol, transport = factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(REQUEST)
        return transport.value(), transport.disconnecting

    return ask


def test_a_message_that_is_longer_than_a_pkt_line_is_cut(answer_to):
    """A plugin that explains at length left its client waiting for ever, on a connection without a deadline."""
    said, closed = answer_to(AccessDenied("x", message="no " * 30_000))
    assert said.startswith(b"fff0ERR no no ")
    assert (len(said), closed) == (0xFFF0, True)


@pytest.mark.parametrize("bug", [ZeroDivisionError("a bug"), SystemExit(3)])
def test_a_failure_of_gitgate_itself_is_told_with_the_id_that_the_log_has(answer_to, bug):
    said, closed = answer_to(bug)
    assert said[4:].startswith(b"ERR temporarily unavailable (id ")
    assert closed


def test_a_git_that_ends_without_a_word_is_told_as_well(answer_to):
    """A repository with a broken configuration: git complains on standard error only, and the user saw nothing."""
    said, closed = answer_to(GitExit(code=128, bytes_in=0, bytes_out=0))
    assert said[4:].startswith(b"ERR temporarily unavailable (id ")
    assert closed


@pytest.mark.parametrize(
    "ended",
    [
        GitExit(code=0, bytes_in=4, bytes_out=0),
        GitExit(code=128, bytes_in=4, bytes_out=400),
        GitExit(code=-13, bytes_in=4, bytes_out=0, abandoned=True),
    ],
)
def test_nothing_is_added_to_what_git_has_said(answer_to, ended):
    assert answer_to(ended) == (b"", True)


class Conversation:
    """One client of a door whose gateway never answers, unless `git` is given: then it runs."""

    def __init__(self, **limits):
        self.clock = Clock()
        self.limits = Limits(**limits)
        self.connections = Connections(self.limits, self.clock)
        self.transport = StringTransport(peerAddress=HERE)
        self.factory = GitFactory(self, self.connections, self.clock, limits=self.limits)
        self.malformed_for = []
        self.client = None
        self.protocol = self.factory.buildProtocol(HERE)
        self.protocol.makeConnection(self.transport)

    async def serve(self, request, login, client):
        self.client = client
        await Deferred()

    def malformed(self, reason, peer, request_id):
        self.malformed_for.append(reason)
        return MalformedRequest(reason, message=reason)

    def run_git(self):
        self.protocol.dataReceived(REQUEST)
        self.client.git_started(Git())


class Git:
    def write(self, data):
        pass

    finish = pauseProducing = resumeProducing = stopProducing = lambda self: None


@pytest.fixture
def offences(monkeypatch):
    blamed = []
    monkeypatch.setattr(Connections, "blame", lambda self, peer, offence: blamed.append(offence))
    return blamed


def test_who_is_turned_away_is_told_so():
    full = Conversation(max_connections=1)
    refused = StringTransport(peerAddress=HERE)
    full.factory.buildProtocol(HERE).makeConnection(refused)
    assert refused.value() == b"0021ERR too busy, try again later"
    assert refused.disconnecting


def test_a_connection_is_a_startup_until_its_request_is_served():
    conversation = Conversation(max_startups=MaxStartups("1:100:1"))
    conversation.protocol.dataReceived(REQUEST)
    before = conversation.connections.admit(HERE)
    conversation.client.git_started(Git())
    assert (before, conversation.connections.admit(HERE)) == (TurnedAway.FULL, None)


def test_a_request_that_comes_a_byte_at_a_time_ends_with_its_deadline(offences):
    """Slowloris: only silence was measured, and each byte began it anew."""
    conversation = Conversation()
    for byte in REQUEST[:30]:
        assert not conversation.transport.disconnected
        conversation.protocol.dataReceived(bytes([byte]))
        conversation.clock.advance(1)
    assert conversation.transport.disconnected
    assert offences == [Offence.NO_LOGIN_IN_TIME]


@pytest.mark.parametrize("data", [b"zzzz", b"0000", b"ffff", b"GET / HTTP/1.1", b"1005git-upload-pack /"])
def test_what_is_no_request_of_git_is_an_offence(data, offences):
    conversation = Conversation()
    conversation.protocol.dataReceived(data)
    assert (conversation.transport.disconnected, conversation.transport.value()) == (True, b"")
    assert (len(conversation.malformed_for), offences) == (1, [Offence.MALFORMED])


def test_a_path_that_cannot_be_one_is_none(offences):
    conversation = Conversation()
    conversation.protocol.dataReceived(b"001bgit-upload-pack /../x\0\0")
    assert conversation.transport.value() == b"002dERR the path has '..' between its slashes"
    conversation.clock.advance(30)
    assert (conversation.transport.disconnected, offences) == (True, [])


def test_a_client_that_takes_a_clone_too_slowly_is_disconnected():
    """Slow read: git waits for ever on a client that takes a byte now and then."""
    conversation = Conversation()
    conversation.run_git()
    conversation.transport.producer.pauseProducing()
    conversation.clock.advance(119)
    conversation.transport.producer.resumeProducing()
    conversation.clock.advance(1000)
    conversation.transport.producer.pauseProducing()
    assert not conversation.transport.disconnected
    conversation.clock.advance(120)
    assert conversation.transport.disconnected


def test_a_conversation_has_an_end():
    """A byte every nine minutes is never silence."""
    conversation = Conversation(transfer_deadline=Duration.parse("1h"))
    conversation.run_git()
    for _ in range(60):
        assert not conversation.transport.disconnected
        conversation.protocol.dataReceived(b"0")
        conversation.clock.advance(60)
    assert conversation.transport.disconnected


def test_nothing_waits_once_the_connection_is_closed():
    conversation = Conversation()
    conversation.run_git()
    conversation.transport.producer.pauseProducing()
    conversation.protocol.connectionLost(None)
    assert conversation.clock.getDelayedCalls() == []
