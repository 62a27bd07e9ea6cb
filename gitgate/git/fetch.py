"""A client of protocol 2, which asks one question after the other (gitprotocol-v2(5)).

    ssh, git://   capabilities  -->  client    known, or from upload-pack --advertise-refs
    all           client  -->  request         read to its end, a short one before git sees any of it
                  request -->  Answer          kept, or from upload-pack --stateless-rpc
                  Answer  -->  client

Each request stands for itself, over ssh and git:// as over http. So each is answered by a process of its own, or by
none.
"""

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from gitgate.at_once import Waiting, begin
from gitgate.git import EXIT_FATAL
from gitgate.git.answer import Reader
from gitgate.git.news import News
from gitgate.git.process import Client, GitExit
from gitgate.git.question import PassingQuestion, Question, WholeQuestion
from gitgate.idle import IdleTimer
from gitgate.reactor import Reactor
from gitgate.turns import others
from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import FLUSH
from gitgate.wire.protocol_v2 import RequestReader, RequestV2, parse_request

T = TypeVar("T")

#: A request of up to so many bytes can have a kept answer: two thousand wants and haves. A longer one goes through.
_LONGEST_KEPT: Final = 128 * 1024

#: What a client may send before it has its answer.
_MOST_AHEAD: Final = 64 * 1024

#: Answers to a client that asks ahead, before others come between.
_MOST_IN_A_ROW: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Who reads the answer. `is_kept`: it was asked for before, and git has nothing to do. `turn` ends with it."""

    reader: Reader
    is_kept: bool
    turn: AbstractContextManager[object] = field(default_factory=nullcontext)


#: Begins the answer to a question for a fetch. The request is None where it is too long to be kept, or cannot be read.
#: Raises a Refusal, or OSError where git cannot be started.
Ask: TypeAlias = Callable[["Fetch", RequestV2 | None, Question], Coroutine[Any, Any, Answered]]


@implementer(IPushProducer)
class Fetch:
    """The git that a client of protocol 2 sees, whatever answers it."""

    def __init__(self, reactor: Reactor, client: Client, *, idle_deadline_seconds: float) -> None:
        self._reactor = reactor
        self._client = client
        self._idle = IdleTimer(reactor, idle_deadline_seconds, self._fell_silent)
        self._received = bytearray()
        self._passing: PassingQuestion | None = None
        self._reader: Reader | None = None
        self._is_paused = False
        self._client_is_paused = False
        self._input_has_ended = False
        self._is_silent = False
        self._news = News()
        self._asking: Deferred[Any] | None = None
        self._bytes_in = 0
        self._bytes_out = 0
        self._bytes_kept = 0

    async def serve(
        self, capabilities: Callable[[], Coroutine[Any, Any, bytes]] | None, ask: Ask | None, *, goes_on: bool
    ) -> GitExit:
        """How the fetch ended. `capabilities` is None where the client was told them before, `ask` where it asks
        nothing yet; `goes_on` where it may ask more than once.
        """
        self._client.git_started(self)
        try:
            if capabilities is not None:
                self.said(await self._unless_silent(capabilities()))
            code = in_a_row = 0
            while ask is not None and not self._is_silent:
                git = await self._answer(ask)
                code = 0 if git is None else git.code
                if git is None or git.code != 0 or not goes_on:
                    break
                in_a_row = in_a_row + 1 if self._received else 0
                if in_a_row == _MOST_IN_A_ROW:
                    in_a_row = 0
                    # A client that asks ahead, as git does not, may have sent thousands, each with its answer at once.
                    await others(self._reactor)
            return self._ended(code)
        except CancelledError:
            if self._is_silent:
                return self._ended(EXIT_FATAL)
            raise
        finally:
            self._idle.stop()

    async def _answer(self, ask: Ask) -> GitExit | None:
        """How git ended that answered the next request; None where there is none."""
        question, request = await self._question()
        if question is None:
            return None
        answered = await self._unless_silent(ask(self, request, question))
        self._reader = reader = answered.reader
        before = self._bytes_out
        with answered.turn:  # until git has ended, also for who goes away
            try:
                if self._is_paused:
                    reader.pause()
                reader.read()
                return await reader.ended
            except CancelledError:
                await reader.leave()
                raise
            finally:
                self._reader = self._passing = None
                if answered.is_kept:
                    self._bytes_kept += self._bytes_out - before

    async def _question(self) -> tuple[Question | None, RequestV2 | None]:
        reading = RequestReader(_LONGEST_KEPT)
        while True:
            data = self._take()
            try:
                end = reading.feed(data)
            except NotGit:
                # git says what is wrong with it.
                return self._pass_through(reading.taken + data, None), None
            if end is not None:
                self._received[:0] = data[end:]
                if reading.taken == FLUSH:  # with which a client says that it asks nothing more
                    return None, None
                return WholeQuestion(reading.taken), parse_request(reading.taken)
            if reading.is_too_long:
                return self._pass_through(reading.taken, reading), None
            if self._input_has_ended and not self._received:
                # git says what it thinks of half a request, too.
                return (self._pass_through(reading.taken, None) if reading.taken else None), None
            if self._is_silent:
                return None, None
            if not self._received:  # more may have come from within `_take`
                await self._news.wait()

    def _pass_through(self, begun: bytes, reading: RequestReader | None) -> PassingQuestion:
        self._passing = PassingQuestion(self, begun, reading)
        return self._passing

    # What the transport calls.

    def write(self, data: bytes) -> None:
        self._bytes_in += len(data)
        self._idle.moved()
        if self._passing is not None and self._passing.takes_more:
            self._passing.write(data)
        else:
            self._received += data
            self.balance()
            self._news.come()

    def finish(self) -> None:
        self._input_has_ended = True
        if self._passing is not None:
            self._passing.finish()
        self._news.come()

    def pauseProducing(self) -> None:
        self._is_paused = True
        if self._reader is not None:
            self._reader.pause()

    def resumeProducing(self) -> None:
        self._is_paused = False
        if self._reader is not None:
            self._reader.resume()

    def stopProducing(self) -> None:
        self.pauseProducing()
        self.finish()

    # What the reader of an answer calls.

    def said(self, data: bytes) -> None:
        self._idle.moved()
        self._bytes_out += len(data)
        self._client.write(data)

    def said_error(self, data: bytes) -> None:
        self._client.write_error(data)

    # What the rest of a long request calls.

    def take_rest(self) -> tuple[bytes, bool]:
        """What came meanwhile, and whether that is all. More comes after `balance`, and perhaps from within it."""
        data = bytes(self._received)
        self._received.clear()
        return data, self._input_has_ended

    def put_back(self, data: bytes) -> None:
        """It belongs to the next request."""
        self._received += data
        self.balance()

    def _take(self) -> bytes:
        data = bytes(self._received)
        self._received.clear()
        self.balance()
        return data

    def balance(self) -> None:
        """Let the client send, unless it is ahead of what is done with it."""
        is_full = len(self._received) > _MOST_AHEAD or (self._passing is not None and self._passing.is_full)
        if is_full is self._client_is_paused:
            return
        self._client_is_paused = is_full
        if is_full:
            self._client.pauseProducing()
        else:
            self._client.resumeProducing()

    async def _unless_silent(self, answer: Coroutine[Any, Any, T]) -> T:
        """What the answer gives. It is cancelled when nothing has moved for too long."""
        begun = begin(answer)
        if not isinstance(begun, Waiting):
            return begun
        self._asking = begun.outcome
        try:
            return await begun.outcome
        finally:
            self._asking = None

    def _fell_silent(self) -> None:
        self._is_silent = True
        self._news.come()
        for waiting in (self._asking, None if self._reader is None else self._reader.ended):
            if waiting is not None:
                waiting.cancel()

    def _ended(self, code: int) -> GitExit:
        return GitExit(
            code=code,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            bytes_kept=self._bytes_kept,
            abandoned=self._is_silent,
            silent=self._is_silent,
        )
