"""The git:// door, where nobody logs in and every answer has to fit into pkt-lines."""

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gitgate.config import Limits
from gitgate.git.process import GitExit
from gitgate.refusals import AccessDenied
from gitgate.transports.connections import Connections
from gitgate.transports.git import GitFactory

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
