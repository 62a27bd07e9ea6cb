"""git while it serves one client: bytes in both directions, with back-pressure, until both have ended.

    client.write  <---  stdout  <---+-----+
                                    | git |      the client pauses git (pauseProducing), and git pauses the client
    git.write     --->  stdin   --->+-----+

Nothing is kept here: what the client cannot take stays in git's pipe, what git cannot take stays with the client.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gitgate.git.child import HOOK_LISTENS, HOOK_SPEAKS, GroupLeader
from gitgate.git.command import GitCommand
from gitgate.idle import IdleTimer
from gitgate.reactor import Reactor, Timer
from gitgate.refusals import Refusal
from gitgate.wire.pktline import KEEPALIVE

#: How long git may take to end by itself once its input is closed. receive-pack then removes its quarantine, which
#: stays behind when a signal ends it (measured with git 2.39: SIGTERM, SIGHUP and SIGKILL all leave it). So where it
#: still indexes a large pack, or a hook runs, these are ended first, and receive-pack has the time to do so.
_SECONDS_UNTIL_TERM: Final = 5.0
_SECONDS_UNTIL_KILL: Final = 3.0
_SECONDS_UNTIL_KILL_AT_ONCE: Final = 0.5


class Client(Protocol):
    """The transport's side of one running git."""

    def git_started(self, git: "RunningGit") -> None:
        """git runs: its input may be written now. Not a byte was asked from the client before."""

    def write(self, data: bytes) -> None:
        """Send git's output."""

    def write_error(self, data: bytes) -> None:
        """Send what git says to people, or log it where the transport has no place for it."""

    def pauseProducing(self) -> None:
        """Take no more from the network: git does not keep up."""

    def resumeProducing(self) -> None:
        """Go on."""


class RunningGit(Protocol):
    """What a transport does with git while it runs: a consumer of input, and a producer of output (IPushProducer)."""

    def write(self, data: bytes) -> None:
        """Give git some of the client's bytes."""

    def finish(self) -> None:
        """The client has sent all that it will."""

    def pauseProducing(self) -> None:
        """Read no more of git's output: the client does not keep up."""

    def resumeProducing(self) -> None:
        """Go on reading."""

    def stopProducing(self) -> None:
        """The client can take no more, ever."""


#: Told the refs that a push would rewind, before any ref has moved; says whether the push may go on.
HookFound: TypeAlias = Callable[[tuple[bytes, ...]], bool]

#: The last line of what hook_chain.sh says. A command with a tab in the name of its ref never gets as far as git.
_HOOK_IS_DONE: Final = b"\t.\n"

#: Told what git says, also when the client can no longer be told.
Overheard: TypeAlias = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GitExit:
    """How git ended. `code` is its exit code, or minus the signal that ended it."""

    code: int
    bytes_in: int
    bytes_out: int
    bytes_kept: int = 0
    """Those of `bytes_out` that git had said before, to somebody who asked the same."""
    abandoned: bool = False
    """The client was gone, or had to go, before git had ended."""
    silent: bool = False
    """No byte had moved for the whole idle deadline, and gitgate ended it."""
    refused: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """The refs of a push that git or a hook of the repository has refused, each with git's words."""
    rewound: frozenset[str] = frozenset()
    """The refs that the push has moved to where not all of their commits are, or was refused for. Whether one is, is
    looked at only where some ref of the push may not be rewound."""
    refusal: Refusal | None = None
    """How a push was refused by gitgate, and the client told so; nothing was stored."""
    saw_request: bool = True
    """The request was given to git; False for a push that was refused before."""


@implementer(IPushProducer)
class GitProcess(ProcessProtocol):
    """One git process. For the transport it is a producer (of output) and a consumer (of input)."""

    transport: GroupLeader  # type: ignore[assignment]

    def __init__(
        self, reactor: Reactor, client: Client, *, idle_deadline_seconds: float, writes_repository: bool
    ) -> None:
        self._reactor = reactor
        self._client = client
        self._writes_repository = writes_repository
        self._idle_deadline_seconds = idle_deadline_seconds
        self._timer: Timer | None = None
        self._hook_found: HookFound | None = None
        self._overheard: Overheard | None = None
        self._hook_said = bytearray()
        self._abandoned = False
        self._seconds_until_kill = _SECONDS_UNTIL_KILL
        self._silent = False
        self._exit: GitExit | None = None
        self._waiting: list[Deferred[GitExit]] = []
        self._bytes_in = 0
        self._bytes_out = 0

    def start(
        self, command: GitCommand, hook_found: HookFound | None = None, overheard: Overheard | None = None
    ) -> None:
        """Spawn `command`. Raises OSError or ValueError where that cannot be done."""
        self._overheard = overheard
        self._hook_found = hook_found
        GroupLeader(self._reactor, command.argv, command.environment, self, with_hook=hook_found is not None)

    def ended(self) -> "Deferred[GitExit]":
        """Fires once git has ended and its output is with the client. Each call gives a Deferred of its own."""
        deferred: Deferred[GitExit] = Deferred()
        if self._exit is not None:
            deferred.callback(self._exit)
        else:
            self._waiting.append(deferred)
        return deferred

    # What the transport calls.

    def write(self, data: bytes) -> None:
        """Give git some of the client's bytes. Discarded once git reads no more, as by a closed pipe."""
        self._bytes_in += len(data)
        self._idle.moved()
        self.transport.write(data)

    def finish(self) -> None:
        """The client has sent all that it will: git reads the end of its input after what is still in the pipe."""
        self.transport.unregisterProducer()
        self.transport.closeStdin()

    def abandon(self) -> None:
        """The client is gone. git is given the chance to clean up, then its whole process group is ended."""
        if self._abandoned or self._exit is not None:
            return
        self._abandoned = True
        self.finish()
        if self._writes_repository:
            # What it still says is read and discarded: SIGPIPE would keep it from cleaning up.
            self.transport.resumeProducing()
        else:
            self.transport.closeStdout()
            self.transport.closeStderr()
        self._after(_SECONDS_UNTIL_TERM, self._end_helpers if self._writes_repository else self._terminate)

    def end_at_once(self) -> None:
        """This server ends, and nobody will see to it later: the same steps, one shortly after the other."""
        if self._exit is not None:
            return
        self.abandon()
        self._seconds_until_kill = _SECONDS_UNTIL_KILL_AT_ONCE
        if self._writes_repository:
            self._end_helpers()
        else:
            self._terminate()

    def pauseProducing(self) -> None:
        """Read no more of git's output: the client does not keep up."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Go on reading."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The client can take no more, ever."""
        self.abandon()

    # What Twisted calls.

    def connectionMade(self) -> None:
        self._idle = IdleTimer(self._reactor, self._idle_deadline_seconds, self._fell_silent)
        self.transport.registerProducer(_Input(self._client), True)
        self._client.git_started(self)

    def outReceived(self, data: bytes) -> None:
        # receive-pack says so also while a hook hangs. upload-pack counts what it has, which takes its time.
        if not self._writes_repository or data != KEEPALIVE:
            self._idle.moved()
        if self._overheard is not None:
            self._overheard(data)
        if not self._abandoned:
            self._bytes_out += len(data)
            self._client.write(data)

    def errReceived(self, data: bytes) -> None:
        self._idle.moved()
        if not self._abandoned:
            self._client.write_error(data)

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803
        if childFD != HOOK_SPEAKS:
            super().childDataReceived(childFD, data)
            return
        self._hook_said += data
        if self._hook_said.endswith(_HOOK_IS_DONE) and self._hook_found is not None:
            *found, _ = bytes(self._hook_said).split(b"\n")[:-1]
            hook_found, self._hook_found = self._hook_found, None
            self.transport.writeToChild(HOOK_LISTENS, b"go\n" if hook_found(tuple(found)) else b"stop\n")

    def processExited(self, reason: Failure) -> None:
        # `git gc`, which may go on in the background, has inherited these two.
        self.transport.closeChildFD(HOOK_SPEAKS)
        self.transport.closeChildFD(HOOK_LISTENS)

    def processEnded(self, reason: Failure) -> None:
        self._idle.stop()
        self._cancel_timer()
        code = 0
        if isinstance(reason.value, ProcessTerminated):
            code = -reason.value.signal if reason.value.signal else reason.value.exitCode or 0
        self._exit = GitExit(
            code=code,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            abandoned=self._abandoned,
            silent=self._silent,
        )
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self._exit)

    # One timer serves for the steps of its end.

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._reactor.callLater(seconds, call)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _fell_silent(self) -> None:
        self._silent = True
        self.abandon()

    def _end_helpers(self) -> None:
        self.transport.signal_helpers(signal.SIGTERM)
        self._after(self._seconds_until_kill, self._terminate)

    def _terminate(self) -> None:
        self.transport.signal_group(signal.SIGTERM)
        self._after(self._seconds_until_kill, self._kill)

    def _kill(self) -> None:
        self.transport.signal_group(signal.SIGKILL)
        # A process that left the group may still hold the pipes; nobody waits for that one.
        self.transport.loseConnection()


@implementer(IPushProducer)
class _Input:
    """The client as the producer of git's input."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def pauseProducing(self) -> None:
        self._client.pauseProducing()

    def resumeProducing(self) -> None:
        self._client.resumeProducing()

    def stopProducing(self) -> None:
        # git has closed its input, and may still have an answer for a client that goes on sending: what comes is read
        # and discarded, for a client that waits to be read would never read the answer.
        self._client.resumeProducing()
