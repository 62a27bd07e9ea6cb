"""A push, judged by its commands before git sees any of it.

    ssh, git://   receive-pack --advertise-refs  -->  client   git says what it has, and ends
    all           client  -->  commands  -->  judge            read to their end, and no further
                  allowed:  commands, pack  -->  receive-pack --stateless-rpc  -->  client
                  refused:  the report, from here; what the client still sends is discarded

Two processes instead of one, so that the second can be told what the judge has decided, and so that a refused push
costs nothing: no process, no disk, no memory.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from gitgate.git.news import News
from gitgate.git.process import Client, GitExit, HookFound, Overheard, RunningGit
from gitgate.git.push_sides import Advertising, Receiving
from gitgate.git.push_terms import Judge, PushTerms
from gitgate.idle import IdleTimer
from gitgate.reactor import Reactor
from gitgate.refusals import AccessDenied, CredentialsRequired, MalformedRequest, Refusal
from gitgate.room import Room
from gitgate.turns import in_turns, others
from gitgate.wire.malformed import Malformed
from gitgate.wire.push_commands import LONGEST_LIST, PushCommands, PushCommandsReader
from gitgate.wire.push_report import PushReportReader, refused_push


class RunReceivePack(Protocol):
    """Runs one receive-pack for a client, to its end. With `hook_found`, a hook of ours runs and asks it."""

    def __call__(
        self, client: Client, hook_found: HookFound | None = None, overheard: Overheard | None = None, /
    ) -> Awaitable[GitExit]: ...


_log: Final = logging.getLogger(__name__)

#: Some three hundred refs.
_SHORT_LIST: Final = 32 * 1024

#: What is read of a list before others have their turn. As it comes from a socket each part has a turn of its own, but
#: what was compressed comes at once.
_MOST_IN_A_ROW: Final = 256 * 1024

_OTHERS: Final = "refused together with another ref of this push"


def room_for_commands() -> Room:
    """What all pushes together have for lists of commands that are long: as much as the longest of them needs."""
    return Room("a push's list of commands", LONGEST_LIST + 64 * 1024, short=_SHORT_LIST)


@implementer(IPushProducer)
class Push:
    """The git that the client of a push sees, whatever runs behind it at the time."""

    def __init__(
        self, reactor: Reactor, client: Client, *, idle_deadline_seconds: float, room: Room | None = None
    ) -> None:
        """`room` is what all pushes together have for their commands."""
        self._reactor = reactor
        self._client = client
        self._room = room or room_for_commands()
        self._idle = IdleTimer(reactor, idle_deadline_seconds, self._fell_silent)
        self._reader = PushCommandsReader()
        self._received: list[bytes] = []
        self._input: RunningGit | None = None
        self._output: RunningGit | None = None
        self._output_is_paused = False
        self._input_is_paused = False
        self._input_has_ended = False
        self._is_ahead = False
        self._is_silent = False
        self._news = News()
        self._git_is_heard = True
        self._held: list[bytes] | None = None
        self._hook_is_awaited = True
        self._rewound: frozenset[str] = frozenset()
        self._wrongly_rewound: tuple[str, ...] = ()
        self._bytes_in = 0
        self._bytes_out = 0

    async def serve(
        self, advertise: RunReceivePack | None, judge: Judge, receive: Callable[[PushTerms], Awaitable[RunReceivePack]]
    ) -> GitExit:
        """How the push ended. `advertise` is None where the client was told before what git has, as over http.

        Raises `MalformedRequest` for commands that are none, and `Overloaded` for more of them than have room now. A
        push that is refused after that is answered here, and ends as one that git refuses: with exit code 0, for the
        report says it all. Only `CredentialsRequired` is raised: that, the transport must say.
        """
        self._client.git_started(self)
        try:
            return await self._serve(advertise, judge, receive)
        finally:
            self._idle.stop()
            self._room.give_back(self)

    async def _serve(
        self, advertise: RunReceivePack | None, judge: Judge, receive: Callable[[PushTerms], Awaitable[RunReceivePack]]
    ) -> GitExit:
        if advertise is not None:
            self._client.pauseProducing()
            advertised = await advertise(Advertising(self))
            if advertised.code != 0 or advertised.abandoned:
                return self._ended(advertised.code, advertised)
            self._client.resumeProducing()
        commands = await self._commands()
        if commands is None:
            if self._reader.size and not self._is_silent:
                raise MalformedRequest("the list of commands ends early", message="the list of commands ends early")
            return self._ended(0)
        if not commands.updates and advertise is not None:
            return self._ended(0)  # the client has nothing to push
        self._client.pauseProducing()
        try:
            terms = await judge(commands.updates) if commands.updates else PushTerms()
            run = await receive(terms)
        except CredentialsRequired:
            await self._discard()
            raise
        except Refusal as refusal:
            return await self._refuse(commands, refusal, answer_first=advertise is not None)
        return await self._receive(commands, terms, run)

    async def _receive(self, commands: PushCommands, terms: PushTerms, run: RunReceivePack) -> GitExit:
        report = PushReportReader(commands.capabilities)
        if isinstance(terms.refusal, CredentialsRequired):
            self._held = []  # to say that, nothing else may have been said
        asks = partial(self._may_go_on, frozenset(terms.forward_only)) if terms.forward_only else None
        received = await run(Receiving(self), asks, report.feed)
        if self._wrongly_rewound and terms.refusal is not None:
            # Only now, when git's quarantine is gone.
            if isinstance(terms.refusal, CredentialsRequired):
                raise terms.refusal
            self._git_is_heard = True
            is_gone = received.abandoned
            try:
                await self._report(commands, self._wrongly_rewound, terms.refusal)
            except CancelledError:
                is_gone = True  # it did not wait for all of its answer
            return replace(self._ended(received.code, received), refusal=terms.refusal, abandoned=is_gone)
        self._let_go()
        if asks is not None and self._hook_is_awaited and len(report.refused) < len(commands.updates):
            _log.error("git took a push without asking whether it rewinds: the hook of gitgate did not run")
        return replace(self._ended(received.code, received), refused=report.refused)

    # What the transport calls.

    def write(self, data: bytes) -> None:
        self._bytes_in += len(data)
        self._idle.moved()
        if self._input is not None:
            self._input.write(data)
            return
        self._received.append(data)
        if self._news.is_awaited:
            self._news.come()
        else:
            # Nobody looks at it yet: without this, all that 64 KiB of gzip inflate to would wait here.
            self._is_ahead = True
            self._client.pauseProducing()

    def finish(self) -> None:
        self._input_has_ended = True
        if self._input is not None:
            self._input.finish()
        self._news.come()

    def pauseProducing(self) -> None:
        self._output_is_paused = True
        if self._output is not None:
            self._output.pauseProducing()

    def resumeProducing(self) -> None:
        self._output_is_paused = False
        if self._output is not None:
            self._output.resumeProducing()

    def stopProducing(self) -> None:
        if self._output is not None:
            self._output.stopProducing()
        self.finish()

    # What git's processes call, through their sides of the client.

    def git_speaks(self, git: RunningGit) -> None:
        """Its output is what the client gets from now on."""
        self._output = git
        if self._output_is_paused:
            git.pauseProducing()

    def git_listens(self, git: RunningGit) -> None:
        """It gets the commands, and all that follows."""
        # What came while the judge was asked goes first. To resume the client may bring more at once, out of a buffer
        # of TLS: before this, it would overtake the commands.
        for data in (*self._reader.received(), *self._received):
            git.write(data)
        self._received.clear()
        self._input = git
        if self._input_has_ended:
            git.finish()
        if not self._input_is_paused:
            self._client.resumeProducing()

    def git_pauses(self, *, paused: bool) -> None:
        """It does not keep up with the client, or does so again."""
        self._input_is_paused = paused
        if self._input is None:
            return  # the client is paused, until it has all that came before
        if paused:
            self._client.pauseProducing()
        else:
            self._client.resumeProducing()

    def said(self, data: bytes) -> None:
        """git's output, or what is said in its place."""
        self._idle.moved()
        if not self._git_is_heard:
            return
        if self._held is not None:
            self._held.append(data)
            return
        self._bytes_out += len(data)
        self._client.write(data)

    @property
    def client(self) -> Client:
        """Whoever pushes."""
        return self._client

    # The client's commands.

    async def _commands(self) -> PushCommands | None:
        """The commands, or None where the client ends before they do."""
        pause_at = _MOST_IN_A_ROW
        while True:
            received, self._received = b"".join(self._received), []
            self._room.take(self, self._reader.size + len(received))
            try:
                commands = self._reader.feed(received)
            except Malformed as error:
                raise MalformedRequest(str(error), message=str(error)) from None
            if commands is not None or self._input_has_ended or self._is_silent:
                return commands
            if self._reader.size > pause_at:
                pause_at = self._reader.size + _MOST_IN_A_ROW
                await others(self._reactor)
            else:
                await self._news.wait(self._let_client_send)

    async def _refuse(self, commands: PushCommands, refusal: Refusal, *, answer_first: bool) -> GitExit:
        """Answer in git's place, and discard the pack.

        Over ssh and git:// a client may wait for the answer before it ends its side; over http it may take an answer
        that comes before it has sent everything for a broken connection.
        """
        refused = refusal.refs if isinstance(refusal, AccessDenied) else ()
        refs = refused or tuple(update.ref for update in commands.updates)
        try:
            if answer_first:
                await self._report(commands, refs, refusal)
                await self._discard()
            else:
                await self._discard()
                await self._report(commands, refs, refusal)
        except CancelledError:
            pass  # it goes: with its answer, or without having waited for it
        return replace(self._ended(0), refusal=refusal, saw_request=False)

    async def _report(self, commands: PushCommands, refs: tuple[str, ...], refusal: Refusal) -> None:
        messages = dict.fromkeys(refs, refusal.message)
        report = refused_push(commands, messages, _OTHERS, f"gitgate: {refusal.message}")
        async for part in in_turns(report, self._reactor):
            self.said(part)

    async def _discard(self) -> None:
        """Return once the client has sent all that it will."""
        self._client.resumeProducing()
        while not self._input_has_ended and not self._is_silent:
            self._received.clear()
            await self._news.wait(self._let_client_send)

    def _may_go_on(self, forward_only: frozenset[str], rewound: tuple[bytes, ...]) -> bool:
        """None of these refs may only be moved forward. Otherwise the hook ends the push, and git says no more of it
        than that: the client is told by us, afterwards.
        """
        self._hook_is_awaited = False
        names = tuple(ref.decode("utf-8", "backslashreplace") for ref in rewound)
        self._rewound = frozenset(names)
        self._wrongly_rewound = tuple(name for name in names if name in forward_only)
        if self._wrongly_rewound:
            self._git_is_heard = False
        else:
            self._let_go()
        return not self._wrongly_rewound

    def _let_go(self) -> None:
        """Say what was held back: progress, as nothing else comes before the hook."""
        held, self._held = self._held, None
        for data in held or ():
            self.said(data)

    def _let_client_send(self) -> None:
        if self._is_ahead:
            self._is_ahead = False
            self._client.resumeProducing()

    def _fell_silent(self) -> None:
        self._is_silent = True
        self._news.come()

    def _ended(self, code: int, git: GitExit | None = None) -> GitExit:
        return GitExit(
            code=code,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            abandoned=git is not None and git.abandoned,
            silent=self._is_silent if git is None else git.silent,
            rewound=self._rewound,
        )
