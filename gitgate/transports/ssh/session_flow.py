"""The bytes of one session channel, in both directions, each side held up while the other one does not keep up.

conch's own `SSHSession` cannot serve here. It ends the stream while data still waits for the client's window (a 20 MB
clone over a line of 60 ms arrived cut off, with exit status 0), gives the client room for more before the child has
taken anything, and never pauses either side.

    client  ---- window: 64 KiB until git runs, then 2 MiB, given back as git takes it --->  git
                 (64 KiB that git does not take, and nothing more is read from the client)
    client  <--- Outbox, while the window, the socket or a key exchange holds it up <-----  git (paused then)
"""

import signal
from struct import pack
from typing import TYPE_CHECKING, Any, Final

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.internet.defer import Deferred

from gitgate.git.pipes import READ_SIZE
from gitgate.git.process import RunningGit
from gitgate.room import Room
from gitgate.transports.ssh.outbox import Outbox
from gitgate.wire.malformed import Malformed

if TYPE_CHECKING:
    from gitgate.transports.ssh.connection import Connection

#: What a client may send before there is a decision. More than that in all its sessions, and nothing more is read.
_FIRST_WINDOW: Final = 64 * 1024
#: What may be under way to git: at a round trip of 60 ms, 2 MiB allow 35 MB/s.
_WINDOW: Final = 2 * 1024 * 1024
#: What may be here of that while git does not take it.
_MOST_BEHIND: Final = 64 * 1024
#: What is made into packets before it is asked again whether the socket is full.
_MOST_AT_ONCE: Final = READ_SIZE
#: RFC 4253 section 6.1 lets nobody rely on more.
_LARGEST_PACKET: Final = 32 * 1024
_LARGEST_WINDOW: Final = 2**32 - 1


class SessionFlow(SSHChannel):
    """The client's side of one git (gitgate.git.process.Client), and git's side for the client.

    `serving` is what is done for the client; it is cancelled when the client goes.
    """

    name = b"session"
    conn: "Connection"

    def __init__(self, connection: "Connection", window: int, largest_packet: int, answers: Room) -> None:
        """`answers` is the room for those of ours that wait to be read."""
        super().__init__(
            localWindow=_FIRST_WINDOW,
            localMaxPacket=_LARGEST_PACKET,
            remoteWindow=window,
            remoteMaxPacket=min(largest_packet, _LARGEST_PACKET),
            conn=connection,
        )
        self.serving: Deferred[Any] | None = None
        self.answers = answers
        self._git: RunningGit | None = None
        self._git_is_held: bool | None = None
        self._git_takes = True
        self._behind = 0
        self._early = bytearray()
        self._has_eof = False
        self._outbox = Outbox()
        self._exit_code: int | None = None

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

    def _put(self, data: bytes, *, is_error: bool) -> None:
        if not self.localClosed:
            self._outbox.put(data, is_error=is_error)
            self.flow()

    # The end.

    def end(self, exit_code: int) -> None:
        """Close once everything has been sent. An exit code below 0 is minus the signal that ended git."""
        self._early.clear()
        self._exit_code = exit_code
        self._git_takes = True  # what still comes is discarded
        self._keeps_up()
        self.flow()

    def _close(self, exit_code: int) -> None:
        if self.localClosed:
            return
        self.answers.give_back(self)
        self.conn.sendEOF(self)
        if exit_code < 0:
            name = signal.Signals(-exit_code).name.removeprefix("SIG").encode()
            self.conn.sendRequest(self, b"exit-signal", NS(name) + b"\0" + NS(b"") + NS(b""))
        else:
            self.conn.sendRequest(self, b"exit-status", pack(">L", exit_code))
        self.conn.sendClose(self)

    def abort(self) -> None:
        """Close now, whatever waits to be sent. git is ended."""
        serving, self.serving, self._git = self.serving, None, None
        self._outbox.clear()
        self.answers.give_back(self)
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
