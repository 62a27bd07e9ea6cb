"""One session channel: one git command, `info`, or a greeting for somebody who looks for a shell.

conch's own `SSHSession` cannot serve here. It ends the stream while data still waits for the client's window (a 20 MB
clone over a line of 60 ms arrived cut off, with exit status 0), gives the client room for more before the child has
taken anything, and never pauses either side.

    client  ---- window: 64 KiB until git runs, then 2 MiB, given back as git takes it --->  git
                 (64 KiB that git does not take, and nothing more is read from the client)
    client  <--- Outbox, while the window, the socket or a key exchange holds it up <-----  git (paused then)
"""

import logging
import signal
from collections.abc import Callable, Coroutine
from struct import pack
from typing import TYPE_CHECKING, Any, Final

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from gitgate.gateway import Gateway, new_request_id
from gitgate.git import EXIT_FATAL
from gitgate.git.process import GitExit, RunningGit
from gitgate.login import Login
from gitgate.overview import request_for_overview
from gitgate.plugin import GitRequest, Peer
from gitgate.refusals import Refusal, Unavailable
from gitgate.room import Room
from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.info import INFO_COMMANDS, info, info_for_greeting
from gitgate.transports.ssh.outbox import Outbox
from gitgate.wire.malformed import Malformed
from gitgate.wire.protocol_version import parse_protocol_version
from gitgate.wire.ssh_command import parse_ssh_command

if TYPE_CHECKING:
    from gitgate.transports.ssh.connection import Connection

_log = logging.getLogger(__name__)

#: What a client may send before there is a decision. More than that in all its sessions, and nothing more is read.
_FIRST_WINDOW: Final = 64 * 1024
#: What may be under way to git: at a round trip of 60 ms, 2 MiB allow 35 MB/s.
_WINDOW: Final = 2 * 1024 * 1024
#: What may be here of that while git does not take it.
_MOST_BEHIND: Final = 64 * 1024
#: What is made into packets before it is asked again whether the socket is full: all that is read of git at a time.
_MOST_AT_ONCE: Final = 256 * 1024
#: RFC 4253 section 6.1 lets nobody rely on more.
_LARGEST_PACKET: Final = 32 * 1024
_LARGEST_WINDOW: Final = 2**32 - 1


class Session(SSHChannel):
    """The client's side of one git (gitgate.git.process.Client), and git's side for the client."""

    name = b"session"
    conn: "Connection"

    def __init__(
        self,
        connection: "Connection",
        window: int,
        largest_packet: int,
        *,
        gateway: Gateway,
        login: Login,
        username: str,
        peer: Peer,
        greeting: str,
        answers: Room,
    ) -> None:
        """`answers` is the room for those of ours that wait to be read."""
        super().__init__(
            localWindow=_FIRST_WINDOW,
            localMaxPacket=_LARGEST_PACKET,
            remoteWindow=window,
            remoteMaxPacket=min(largest_packet, _LARGEST_PACKET),
            conn=connection,
        )
        self._gateway = gateway
        self._login = login
        self._username = username
        self._peer = peer
        self._greeting = greeting
        self._answers = answers
        self._protocol = 0
        self._newline = "\n"
        self._is_begun = False
        self._serving: Deferred[GitExit] | Deferred[str] | None = None
        self._git: RunningGit | None = None
        self._git_is_held: bool | None = None
        self._git_takes = True
        self._behind = 0
        self._early = bytearray()
        self._has_eof = False
        self._outbox = Outbox()
        self._exit_code: int | None = None

    # What the client asks for.

    def granted(self, kind: bytes, fields: Fields) -> Callable[[], None] | None:
        """What to do once the client knows that its request is granted; None where it is not. Raises `Malformed`."""
        match kind:
            case b"env":
                name, value = fields.string(), fields.string()
                if name != b"GIT_PROTOCOL":
                    return None
                return lambda: self._set_protocol(value)
            case b"pty-req" if not self._is_begun:
                # `ssh host` asks for a terminal, and complains where it gets none. Its lines end as a terminal's do.
                return self._be_a_terminal
            case b"shell" if not self._is_begun:
                return self._greet
            case b"exec" if not self._is_begun:
                command = fields.string()
                return lambda: self._execute(command)
            case _:
                return None

    def _set_protocol(self, value: bytes) -> None:
        self._protocol = parse_protocol_version(value)

    def _be_a_terminal(self) -> None:
        self._newline = "\r\n"

    def _greet(self) -> None:
        self._is_begun = True
        self._say(self._greeting, is_error=False)
        request = request_for_overview(new_request_id(), self._peer, self._username)
        self._answer(info_for_greeting(self._gateway, self._login, request), request.request_id)

    def _execute(self, command: bytes) -> None:
        self._is_begun = True
        request_id = new_request_id()
        if command in INFO_COMMANDS:
            request = request_for_overview(request_id, self._peer, self._username)
            self._answer(info(self._gateway, self._login, request, as_json=INFO_COMMANDS[command]), request_id)
            return
        try:
            parsed = parse_ssh_command(command)
        except Malformed as error:
            self._refuse(self._gateway.malformed(str(error), self._peer, request_id, self._login))
            return
        request = GitRequest(
            request_id=request_id,
            peer=self._peer,
            service=parsed.service,
            path=parsed.path,
            protocol=self._protocol,
            host=None,
            access=parsed.service.access,
            username=self._username,
        )
        self._serving = serving = Deferred.fromCoroutine(self._gateway.serve(request, self._login, self))
        serving.addCallbacks(self._served, self._failed, errbackArgs=(request_id,))

    def _answer(self, text: Coroutine[Any, Any, str], request_id: str) -> None:
        self._serving = answering = Deferred.fromCoroutine(text)
        answering.addCallback(self._answered)
        answering.addErrback(self._failed, request_id)

    def _answered(self, text: str) -> None:
        self._answers.take(self, len(text.encode("utf-8", "backslashreplace")))
        self._say(text, is_error=False)
        self._end(0)

    def _served(self, git: GitExit) -> None:
        if git.silent:
            self._say("gitgate: closed, because no byte had moved for too long\n")
        self._end(git.code)

    def _failed(self, failure: Failure, request_id: str) -> None:
        if failure.check(CancelledError) is not None:
            return
        if isinstance(failure.value, Refusal):
            self._refuse(failure.value)
        else:
            _log.error("request %s failed", request_id, exc_info=failure.value)
            self._refuse(Unavailable("gitgate itself failed", request_id=request_id))

    def _refuse(self, refusal: Refusal) -> None:
        self._say(f"gitgate: {refusal.message}\n")
        self._end(EXIT_FATAL)

    # The client's side of git.

    def git_started(self, git: RunningGit) -> None:
        self._git = git
        self.localWindowSize = _WINDOW
        if self._early:
            git.write(bytes(self._early))
            self._early.clear()
            self.conn.falls_behind(self, is_behind=False)
        if self._has_eof:
            git.finish()
        self._give_room()
        self.flow()

    def write(self, data: bytes) -> None:
        self._put(data, is_error=False)

    def write_error(self, data: bytes) -> None:
        self._put(data, is_error=True)

    def pauseProducing(self) -> None:
        self._git_takes = False

    def resumeProducing(self) -> None:
        self._git_takes = True
        self._keeps_up()
        self._give_room()

    def _keeps_up(self) -> None:
        self._behind = 0
        self.conn.falls_behind(self, is_behind=False)

    # From the client to git.

    def dataReceived(self, data: bytes) -> None:
        if self._has_eof:
            raise Malformed("data behind its end")  # for which git would be asked no more whether it takes it
        if self._git is not None:
            self._git.write(data)
            if not self._git_takes:
                self._behind += len(data)
                if self._behind > _MOST_BEHIND:
                    self.conn.falls_behind(self, is_behind=True)
            self._give_room()
        elif self._exit_code is None:
            self._early += data
            if self.conn.early_bytes > _FIRST_WINDOW:
                self.conn.falls_behind(self, is_behind=True)

    @property
    def early_bytes(self) -> int:
        """How much has come before git runs."""
        return len(self._early)

    def eofReceived(self) -> None:
        self._has_eof = True
        if self._git is not None:
            self._git.finish()
            # git tells no more when it takes the rest. What else the client says must be heard: the end of a key
            # exchange, before which nothing can be sent, lies behind its data.
            self._keeps_up()

    def _give_room(self) -> None:
        """Let the client send more, unless git does not keep up. Before git runs, there is only the first window."""
        if self._git is not None and self._git_takes and self.localWindowLeft < self.localWindowSize // 2:
            self.conn.adjustWindow(self, self.localWindowSize - self.localWindowLeft)

    # From git to the client.

    def flow(self) -> None:
        """Send what can be sent now. Pause git while something has to wait, and close at the end."""
        while self._outbox and self.remoteWindowLeft and self.conn.accepts_data and not self.localClosed:
            piece = self._outbox.take(min(self.remoteWindowLeft, _MOST_AT_ONCE))
            self.remoteWindowLeft -= len(piece.data)
            self.conn.send(self, piece.data, is_error=piece.is_error)
        is_held = bool(self._outbox) or not self.conn.accepts_data
        if self._git is not None and is_held is not self._git_is_held:
            self._git_is_held = is_held
            if is_held:
                self._git.pauseProducing()
            else:
                self._git.resumeProducing()
        # Not while the socket is full: it says so from within each write, and the end would begin within itself.
        if self._exit_code is not None and not self._outbox and self.conn.accepts_data:
            self._close(self._exit_code)

    def addWindowBytes(self, data: int) -> None:  # noqa: N802
        self.remoteWindowLeft = min(self.remoteWindowLeft + data, _LARGEST_WINDOW)

    def _say(self, text: str, *, is_error: bool = True) -> None:
        self._put(text.replace("\n", self._newline).encode("utf-8", "backslashreplace"), is_error=is_error)

    def _put(self, data: bytes, *, is_error: bool) -> None:
        if not self.localClosed:
            self._outbox.put(data, is_error=is_error)
            self.flow()

    # The end.

    def _end(self, exit_code: int) -> None:
        """Close once everything has been sent. An exit code below 0 is minus the signal that ended git."""
        self._early.clear()
        self._exit_code = exit_code
        self._git_takes = True  # what still comes is discarded
        self._keeps_up()
        self.flow()

    def _close(self, exit_code: int) -> None:
        if self.localClosed:
            return
        self._answers.give_back(self)
        self.conn.sendEOF(self)
        if exit_code < 0:
            name = signal.Signals(-exit_code).name.removeprefix("SIG").encode()
            self.conn.sendRequest(self, b"exit-signal", NS(name) + b"\0" + NS(b"") + NS(b""))
        else:
            self.conn.sendRequest(self, b"exit-status", pack(">L", exit_code))
        self.conn.sendClose(self)

    def abort(self) -> None:
        """Close now, whatever waits to be sent. git is ended."""
        serving, self._serving, self._git = self._serving, None, None
        self._outbox.clear()
        self._answers.give_back(self)
        self._early.clear()
        self._keeps_up()
        if serving is not None:
            serving.cancel()
        self.conn.sendClose(self)

    def closeReceived(self) -> None:
        self.abort()

    def closed(self) -> None:
        """Nothing more comes or goes: both sides have closed, or the connection is lost."""
        self.abort()

    def channelOpen(self, specificData: bytes) -> None:  # noqa: N802,N803
        """The client knows that the channel is there."""
