"""The ssh connection after the login: up to ten sessions beside each other, and nothing else (RFC 4254)."""

from collections.abc import Callable
from struct import pack
from typing import Final, NoReturn

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import (
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_SUCCESS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    SSHConnection,
)
from twisted.conch.ssh.transport import SSHTransportBase
from twisted.conch.ssh.userauth import MSG_USERAUTH_REQUEST

from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.session import Session
from gitgate.wire.malformed import Malformed

#: As sshd's MaxSessions.
_MOST_SESSIONS: Final = 10
#: With a maximum packet of 1 byte every byte would cost a packet; with 0, conch's channel sends empty ones for ever.
_LEAST_PACKET: Final = 1024


class Connection(SSHConnection):
    """The sessions of one client that is logged in.

    `accepts_data` says whether the transport could send a session's data now: it is neither full nor exchanging keys.
    """

    transport: SSHTransportBase

    def __init__(self, open_session: Callable[["Connection", int, int], Session], *, accepts_data: bool) -> None:
        """`open_session` makes a session of this connection, with the client's window and maximum packet."""
        super().__init__()
        self._open_session = open_session
        self.accepts_data = accepts_data

    def let_data_flow(self, accepts_data: bool) -> None:
        """The transport can take data, or can no more."""
        self.accepts_data = accepts_data
        for session in list(self.channels.values()):
            session.flow()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:  # noqa: N803
        """A message. A login request that comes after the login is ignored (RFC 4252 section 5.1).

        conch would log whole messages that it does not know, and they may hold a password.
        """
        if messageNum in self.protocolMessages:
            super().packetReceived(messageNum, packet)
        elif messageNum != MSG_USERAUTH_REQUEST:
            self.transport.sendUnimplemented()

    def ssh_CHANNEL_OPEN(self, packet: bytes) -> None:
        fields = Fields(packet)
        kind = fields.string()
        sender, _window, largest_packet = fields.uint32(), fields.uint32(), fields.uint32()
        if kind != b"session":
            # sshd answers so too; conch would call it an unknown type, and log a traceback.
            self._refuse_channel(sender, OPEN_ADMINISTRATIVELY_PROHIBITED, b"only sessions")
        elif len(self.channels) >= _MOST_SESSIONS:
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
        if wants_reply:
            answer = MSG_CHANNEL_FAILURE if act is None else MSG_CHANNEL_SUCCESS
            self.transport.sendPacket(answer, pack(">L", self.channelsToRemoteChannel[session]))
        if act is not None:
            act()

    def gotGlobalRequest(self, requestType: bytes, data: bytes) -> bool:  # noqa: N802,N803
        """None is known here: no port is forwarded."""
        return False

    def ssh_CHANNEL_OPEN_CONFIRMATION(self, packet: bytes) -> NoReturn:
        raise Malformed("an answer to a channel that nobody opened")

    def ssh_CHANNEL_OPEN_FAILURE(self, packet: bytes) -> NoReturn:
        # conch would take the channel from its table, and so forget a git that runs.
        raise Malformed("an answer to a channel that nobody opened")

    def _session(self, fields: Fields) -> Session:
        number = fields.uint32()
        session: Session | None = self.channels.get(number)
        if session is None:
            raise Malformed(f"there is no channel {number}")
        return session

    def _refuse_channel(self, sender: int, reason: int, text: bytes) -> None:
        self.transport.sendPacket(MSG_CHANNEL_OPEN_FAILURE, pack(">2L", sender, reason) + NS(text) + NS(b""))
