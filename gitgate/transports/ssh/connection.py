"""The ssh connection after the login: some sessions beside each other, and nothing else (RFC 4254)."""

from collections.abc import Callable
from struct import pack
from typing import Final, NoReturn

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import (
    EXTENDED_DATA_STDERR,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_SUCCESS,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_REQUEST_FAILURE,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    SSHConnection,
)
from twisted.conch.ssh.userauth import MSG_USERAUTH_REQUEST

from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.packet_transport import PacketTransport
from gitgate.transports.ssh.session import Session
from gitgate.transports.ssh.session_flow import SessionFlow
from gitgate.wire.malformed import Malformed

#: With a maximum packet of 1 byte every byte would cost a packet; with 0, conch's channel sends empty ones for ever.
_LEAST_PACKET: Final = 1024


class Connection(SSHConnection):
    """The sessions of one client that is logged in.

    `accepts_data` says whether the transport could send a session's data now: it is neither full nor exchanging keys.
    """

    transport: PacketTransport

    def __init__(
        self,
        open_session: Callable[["Connection", int, int], Session],
        *,
        most_sessions: int,
        accepts_data: bool,
        refused: Callable[[], None],
        let_client_send: Callable[[bool], None],
    ) -> None:
        """`open_session` makes a session of this connection, with the client's window and maximum packet.

        `refused` is called for each wish that is not granted; it raises `Malformed` where those are too many.
        `let_client_send` is told when nothing more is to be read from the client, and when it is again.
        """
        super().__init__()
        self._open_session = open_session
        self._most_sessions = most_sessions
        self.accepts_data = accepts_data
        self._refused = refused
        self._let_client_send = let_client_send
        self._behind: set[SessionFlow] = set()
        self._opened: set[Session] = set()

    def let_data_flow(self, accepts_data: bool) -> None:
        """The transport can take data, or can no more."""
        self.accepts_data = accepts_data
        for session in list(self.channels.values()):
            session.flow()

    def messages_end(self) -> None:
        """All that has come was looked at. A window that was opened by several messages is filled at once."""
        if self._opened:
            opened, self._opened = self._opened, set()
            for session in opened:
                session.flow()

    def send(self, session: SessionFlow, data: bytes, *, is_error: bool) -> None:
        """Send what is in the client's window, in packets of the size that it takes. Only while `accepts_data`."""
        channel = self.channelsToRemoteChannel[session]
        if is_error:
            head = pack(">BLL", MSG_CHANNEL_EXTENDED_DATA, channel, EXTENDED_DATA_STDERR)
        else:
            head = pack(">BL", MSG_CHANNEL_DATA, channel)
        self.transport.send_stream(head, data, session.remoteMaxPacket)

    @property
    def early_bytes(self) -> int:
        """How much has come for sessions without a decision."""
        return sum(session.early_bytes for session in self.channels.values())

    def falls_behind(self, session: SessionFlow, *, is_behind: bool) -> None:
        """A session has so much data waiting for git that no more may come; or it has no longer.

        The client was given a window that a long line can fill, and might fill it while git does not read, or before
        git runs. What it sends to its other sessions waits as well.
        """
        was_behind = bool(self._behind)
        if is_behind:
            self._behind.add(session)
        else:
            self._behind.discard(session)
        if was_behind is not bool(self._behind):
            self._let_client_send(not self._behind)

    def packetReceived(self, messageNum: int, packet: bytes) -> None:  # noqa: N803
        """A message. A login request that comes after the login is ignored (RFC 4252 section 5.1).

        conch would log whole messages that it does not know, and they may hold a password.
        """
        # conch looks for each by its name. These come by the thousand.
        if messageNum == MSG_CHANNEL_DATA:
            self.ssh_CHANNEL_DATA(packet)
        elif messageNum == MSG_CHANNEL_WINDOW_ADJUST:
            self.ssh_CHANNEL_WINDOW_ADJUST(packet)
        elif messageNum in self.protocolMessages:
            super().packetReceived(messageNum, packet)
        elif messageNum == MSG_USERAUTH_REQUEST:
            self._refused()
        else:
            self.transport.sendUnimplemented()

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        fields = Fields(packet)
        kind = fields.string()
        sender, _window, largest_packet = fields.uint32(), fields.uint32(), fields.uint32()
        if kind != b"session":
            # sshd answers so too; conch would call it an unknown type, and log a traceback.
            self._refuse_channel(sender, OPEN_ADMINISTRATIVELY_PROHIBITED, b"only sessions")
        elif len(self.channels) >= self._most_sessions:
            self._refuse_channel(sender, OPEN_RESOURCE_SHORTAGE, b"too many sessions")
        elif largest_packet < _LEAST_PACKET:
            self._refuse_channel(sender, OPEN_RESOURCE_SHORTAGE, b"the maximum packet is too small")
        else:
            super().ssh_CHANNEL_OPEN(packet)

    def getChannel(self, channelType: bytes, windowSize: int, maxPacket: int, data: bytes) -> Session:  # noqa: N802,N803
        return self._open_session(self, windowSize, maxPacket)

    def ssh_CHANNEL_DATA(self, packet: bytes) -> None:
        fields = Fields(packet)
        session = self._session(fields)
        data = fields.string()
        if session.localClosed:
            return
        if len(data) > session.localWindowLeft or len(data) > session.localMaxPacket:
            session.abort()
            return
        # conch gives the room back here, before anybody has taken the data.
        session.localWindowLeft -= len(data)
        session.dataReceived(data)

    def ssh_CHANNEL_EXTENDED_DATA(self, packet: bytes) -> None:
        """Ignored: a client has no standard error."""

    def ssh_CHANNEL_REQUEST(self, packet: bytes) -> None:
        fields = Fields(packet)
        session = self._session(fields)
        kind, wants_reply = fields.string(), fields.boolean()
        if session.localClosed:
            return
        act = session.granted(kind, fields)
        if act is None:
            self._refused()
        if wants_reply:
            answer = MSG_CHANNEL_FAILURE if act is None else MSG_CHANNEL_SUCCESS
            self.transport.sendPacket(answer, pack(">L", self.channelsToRemoteChannel[session]))
        if act is not None:
            act()

    def ssh_CHANNEL_WINDOW_ADJUST(self, packet: bytes) -> None:
        fields = Fields(packet)
        session = self._session(fields)
        session.addWindowBytes(fields.uint32())
        self._opened.add(session)

    def ssh_CHANNEL_EOF(self, packet: bytes) -> None:
        self._session(Fields(packet)).eofReceived()

    def ssh_CHANNEL_CLOSE(self, packet: bytes) -> None:
        self._session(Fields(packet))
        super().ssh_CHANNEL_CLOSE(packet)

    def ssh_CHANNEL_SUCCESS(self, packet: bytes) -> NoReturn:
        raise Malformed("an answer to a request that nobody made")

    def ssh_CHANNEL_FAILURE(self, packet: bytes) -> NoReturn:
        raise Malformed("an answer to a request that nobody made")

    def ssh_CHANNEL_OPEN_CONFIRMATION(self, packet: bytes) -> NoReturn:
        raise Malformed("an answer to a channel that nobody opened")

    def ssh_CHANNEL_OPEN_FAILURE(self, packet: bytes) -> NoReturn:
        # conch would take the channel from its table, and so forget a git that runs.
        raise Malformed("an answer to a channel that nobody opened")

    def ssh_GLOBAL_REQUEST(self, packet: bytes) -> None:
        """None is granted: no port is forwarded. A client that asks whether we are still here has its answer in it."""
        fields = Fields(packet)
        fields.string()
        if fields.boolean():
            self.transport.sendPacket(MSG_REQUEST_FAILURE, b"")

    def ssh_REQUEST_SUCCESS(self, packet: bytes) -> None:
        """The answer to a keepalive: that something came is all that matters, and the transport has seen it."""

    def ssh_REQUEST_FAILURE(self, packet: bytes) -> None:
        """The usual answer to a keepalive."""

    def _session(self, fields: Fields) -> Session:
        number = fields.uint32()
        session: Session | None = self.channels.get(number)
        if session is None:
            raise Malformed(f"there is no channel {number}")
        return session

    def _refuse_channel(self, sender: int, reason: int, text: bytes) -> None:
        self._refused()
        self.transport.sendPacket(MSG_CHANNEL_OPEN_FAILURE, pack(">2L", sender, reason) + NS(text) + NS(b""))
