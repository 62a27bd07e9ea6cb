"""What a fetch lets its client send and has it sent, whichever side does not keep up."""

import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gitgate.git.answer import Answer
from gitgate.git.answer_store import AnswerStore, Budget
from gitgate.git.fetch import Answered, Fetch
from gitgate.git.process import GitExit, RunningGit
from gitgate.git.question import Question
from gitgate.wire.pktline import FLUSH, encode
from gitgate.wire.protocol_v2 import RequestV2

ENDED = GitExit(code=0, bytes_in=0, bytes_out=0)
SHORT = encode(b"command=ls-refs\n") + FLUSH
#: Longer than what is read to its end before git sees any of it.
LONG = encode(b"command=fetch\n") + b"0001" + encode(b"have " + b"1" * 40 + b"\n") * 4000 + FLUSH


class Git:
    """Takes its input, and says what the test has it say."""

    def __init__(self) -> None:
        self.input = bytearray()
        self.has_it_all = False

    def write(self, data: bytes) -> None:
        self.input += data

    def finish(self) -> None:
        self.has_it_all = True

    def pauseProducing(self) -> None:
        """What it says is short."""

    def resumeProducing(self) -> None:
        """What it says is short."""

    def stopProducing(self) -> None:
        raise AssertionError("nobody stops it")


class Scene:
    """A client that is about to ask one question after the other."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.heard = bytearray()
        self.may_send = True
        self.git = Git()
        self.kept: Answer | None = None
        self._folder = folder
        self.fetch = Fetch(self.clock, self, idle_deadline_seconds=600)  # type: ignore[arg-type]
        self.served = Deferred.fromCoroutine(self.fetch.serve(None, self._ask, goes_on=True))

    def keep(self, said: bytes) -> None:
        """Somebody else has asked before, and this was said."""
        self.kept = Answer(_Nothing(), self.clock, AnswerStore(Budget(10**8, lambda: False), self._folder))
        self.kept.write(said)
        ended: Deferred[GitExit] = Deferred()
        self.kept.runs(ended)
        ended.callback(ENDED)

    def says(self, data: bytes) -> None:
        """As a transport does: in pieces, and all that it has read."""
        for begin in range(0, len(data), 16_384):
            self.fetch.write(data[begin : begin + 16_384])

    async def _ask(self, fetch: Fetch, request: RequestV2 | None, question: Question) -> Answered:
        if self.kept is not None:
            return Answered(reader=self.kept.reader(fetch), is_kept=True)
        self.answer = Answer(question, self.clock)
        self.ended: Deferred[GitExit] = Deferred()
        reader = self.answer.reader(fetch)
        self.answer.runs(self.ended)
        self.answer.git_started(self.git)
        return Answered(reader=reader, is_kept=False)

    # The client.

    def git_started(self, git: RunningGit) -> None:
        """It speaks when the test has it speak."""

    def write(self, data: bytes) -> None:
        self.heard += data

    def write_error(self, data: bytes) -> None:
        raise AssertionError(data)

    def pauseProducing(self) -> None:
        self.may_send = False

    def resumeProducing(self) -> None:
        self.may_send = True


class _Nothing:
    """What nobody has to be asked."""

    def git_started(self, git: RunningGit) -> None:
        raise AssertionError("it is kept")

    def pauseProducing(self) -> None:
        """There is nothing of it."""

    def resumeProducing(self) -> None:
        """There is nothing of it."""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_who_sends_a_long_request_is_held_back_while_git_does_not_keep_up(scene: Scene) -> None:
    """A client sends wants and haves without end to a git that waits for the disk: they would all be kept here."""
    scene.says(LONG[:-100])
    assert scene.may_send
    scene.answer.pauseProducing()
    assert not scene.may_send
    scene.answer.resumeProducing()
    assert scene.may_send
    scene.says(LONG[-100:])
    assert (bytes(scene.git.input), scene.git.has_it_all) == (LONG, True)


def test_who_has_sent_a_long_request_is_not_held_back_for_it(scene: Scene) -> None:
    """git's process tells no more when it takes the rest: the client would wait for that, and git for its next one."""
    scene.says(LONG)
    scene.answer.pauseProducing()
    assert scene.may_send


def test_a_client_that_takes_nothing_when_its_answer_begins_is_sent_nothing(scene: Scene) -> None:
    """1. A client's socket is full. 2. It asks for what is kept, which is long, and there at once: all of it would wait
    in memory for the client.
    """
    said = os.urandom(300_000)
    scene.keep(said)
    scene.fetch.pauseProducing()
    scene.says(SHORT)
    assert scene.heard == b""
    scene.fetch.resumeProducing()
    assert scene.heard == said


def test_a_fetch_that_has_ended_waits_for_nothing(scene: Scene) -> None:
    """A timer would hold it, and all that it holds, for ten minutes more."""
    scene.says(SHORT)
    scene.answer.write(b"0000")
    scene.ended.callback(ENDED)
    scene.says(FLUSH)
    assert (scene.served.called, scene.clock.getDelayedCalls()) == (True, [])
