"""The ssh transport: who may send what when, how long a login may take, and when data may flow.

What conch leaves open is closed here and in `packet_transport.py`, by overriding its public methods and attributes. No
parser of conch's sees a message that was not judged before, so whatever else it raises is a fault of ours.
"""

import logging
from typing import TYPE_CHECKING, Final

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.transport import (
    DISCONNECT_MAC_ERROR,
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_SERVICE_ACCEPT,
)
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from gitgate import __version__
from gitgate.idle import IdleTimer
from gitgate.login import Login
from gitgate.plugin import Transport
from gitgate.reactor import Timer
from gitgate.transports.connections import host_of, peer_at
from gitgate.transports.penalties import Offence
from gitgate.transports.ssh.allowance import Allowance
from gitgate.transports.ssh.connection import Connection
from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.greeting import greeting, url_of_socket
from gitgate.transports.ssh.identification import NotSsh
from gitgate.transports.ssh.keepalive import Keepalive
from gitgate.transports.ssh.keyed_transport import KeyedTransport
from gitgate.transports.ssh.protection import WrongTag
from gitgate.transports.ssh.public_key import SIGNATURE_ALGORITHMS
from gitgate.transports.ssh.session import Session
from gitgate.transports.ssh.userauth import UserAuth
from gitgate.wire.malformed import Malformed
from gitgate.wire.printable import printable

if TYPE_CHECKING:
    from gitgate.transports.ssh.factory import SshFactory

_log = logging.getLogger(__name__)

#: What is looked at before the login, key exchange and all. Twenty questions about the largest of keys fit into it.
_MOST_BYTES_BEFORE_LOGIN: Final = 64 * 1024

#: How long a client that was sent away may take to read why.
_SECONDS_TO_READ_THE_REASON: Final = 5.0

#: What is read of the socket at a time after the login, and with how much in front of it the socket is full. Each turn
#: of the reactor costs the same, however much it moves; with Twisted's own 64 KiB, that is two packets.
_BYTES_IN_TURN: Final = 192 * 1024

#: Lower numbers are the transport's own (RFC 4250 section 4.1.2).
_FIRST_OF_SERVICES: Final = 50
_GLOBAL_REQUEST: Final = 80
#: What sessions consist of. All else may be said for ever by somebody who does nothing.
_OF_SESSIONS: Final = range(90, 101)
#: IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO; global requests and answers to ours; data for the error stream of git.
_OF_NO_USE: Final = frozenset({2, 3, 4, 7, _GLOBAL_REQUEST, 81, 82, 95})


@implementer(IPushProducer)
class SshTransport(KeyedTransport):
    """One client's connection. For its socket it is the producer of all that is sent."""

    factory: "SshFactory"

    ourVersionString = f"SSH-2.0-gitgate_{__version__}".encode()  # noqa: N815

    def __init__(self, factory: "SshFactory") -> None:
        limits = factory.limits
        super().__init__(factory.clock, rekey_bytes=limits.rekey_bytes, rekey_interval_seconds=limits.rekey_interval)
        self.factory = factory
        self.supportedPublicKeys = list(factory.signature_algorithms)
        self._useless = Allowance(
            factory.clock, "too many messages that ask for nothing", at_once=1000, each_second=10.0
        )
        self._connection: Connection | None = None
        self._deadline: Timer | None = None
        self._idle: IdleTimer | None = None
        self._keepalive: Keepalive | None = None
        self._is_full = False
        self._is_held = False

    # The connection begins and ends.

    def connectionMade(self) -> None:
        self._peer = peer_at(Transport.SSH, self.transport.getPeer())
        self.factory.connections.add(self.transport)
        self._set_deadline(self.factory.limits.login_deadline, "no login in time", Offence.NO_LOGIN_IN_TIME)
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        super().connectionMade()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.is_ended = True
        self._clear_deadline()
        self._stop_watching()
        self.factory.connections.discard(self.transport)
        super().connectionLost(reason)

    def sendDisconnect(self, reason: int, desc: bytes | str) -> None:  # noqa: N802
        """Tell the client why it has to go. From now on nothing that it sends is looked at."""
        if not self.is_ended:
            super().sendDisconnect(reason, desc)
            self._end()

    def ssh_DISCONNECT(self, packet: bytes) -> None:
        """The client goes."""
        self._end()

    def _end(self) -> None:
        self.is_ended = True
        self._stop_watching()
        if self.service is not None:
            self.service.serviceStopped()
            self.service = None
        self._connection = None
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._set_deadline(_SECONDS_TO_READ_THE_REASON, "the client does not read why it has to go")

    def _set_deadline(self, seconds: float, what: str, offence: Offence | None = None) -> None:
        self._clear_deadline()
        self._deadline = self.factory.clock.callLater(seconds, self._overdue, what, offence)

    def _clear_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _stop_watching(self) -> None:
        if self._idle is not None:
            self._idle.stop()
        if self._keepalive is not None:
            self._keepalive.stop()

    def _overdue(self, what: str, offence: Offence | None = None) -> None:
        _log.info("ssh %s: closed, %s", self._peer.address, what)
        if offence is not None:
            self.factory.connections.blame(self._peer, offence)
        self.transport.abortConnection()

    # What the client sends.

    def dataReceived(self, data: bytes) -> None:
        if self.is_ended:
            return
        if self._keepalive is not None:
            self._keepalive.heard()
        try:
            super().dataReceived(data)
            if self._connection is not None:
                self._connection.messages_end()
            self.renew_keys_if_due()
        except Malformed as error:
            _log.info("ssh %s: malformed: %s", self._peer.address, printable(str(error)))
            if isinstance(error, NotSsh):
                self.factory.connections.blame(self._peer, Offence.MALFORMED)
            code = DISCONNECT_MAC_ERROR if isinstance(error, WrongTag) else DISCONNECT_PROTOCOL_ERROR
            self.sendDisconnect(code, printable(str(error)).encode())
        except Exception:
            _log.exception("ssh %s: failed", self._peer.address)
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"gitgate failed")

    def message_received(self, message: int, payload: bytes) -> None:
        if self._connection is None and self.bytes_taken > _MOST_BYTES_BEFORE_LOGIN:
            raise Malformed(f"more than {_MOST_BYTES_BEFORE_LOGIN} bytes, and no login")
        if message in _OF_NO_USE:
            self._useless.spend()
        elif message in _OF_SESSIONS and self._idle is not None:
            self._idle.moved()
        if message >= _FIRST_OF_SERVICES:
            if self.service is not None:
                self.service.packetReceived(message, payload)
            else:
                # conch would log it whole, and it may hold a password.
                self.sendUnimplemented()
        else:
            super().message_received(message, payload)

    def sendUnimplemented(self) -> None:  # noqa: N802
        self._useless.spend()
        super().sendUnimplemented()

    def ssh_EXT_INFO(self, packet: bytes) -> None:
        """Ignored, unread: conch's parser takes 2.3 seconds for 125,000 extensions, and none matters here."""

    def ssh_UNIMPLEMENTED(self, packet: bytes) -> None:
        """Ignored, as is DEBUG: conch would log what they hold, as often as they come."""

    def ssh_DEBUG(self, packet: bytes) -> None:
        """Ignored."""

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        name = Fields(packet).string()
        if name != b"ssh-userauth" or self.service is not None:
            # A second one would begin the login anew, with all its attempts.
            self.sendDisconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"there is only ssh-userauth, and only once")
            return
        self.sendPacket(MSG_SERVICE_ACCEPT, NS(name))
        self.setService(
            UserAuth(
                self.factory.gateway,
                self._peer,
                self._logged_in,
                most_failures=self.factory.limits.max_login_attempts,
                login_refused=lambda: self.factory.connections.blame(self._peer, Offence.LOGIN_REFUSED),
            )
        )

    def _logged_in(self, login: Login, username: str) -> None:
        self.factory.connections.let_in(self.transport)
        self.transport.bufferSize = _BYTES_IN_TURN
        self.transport.SEND_LIMIT = 2 * _BYTES_IN_TURN  # all that can be there
        self._clear_deadline()
        clock, limits = self.factory.clock, self.factory.limits
        # A client that never reads, or opens no session, would otherwise keep its place for ever.
        self._idle = IdleTimer(clock, limits.idle_deadline, lambda: self._overdue("silent for too long"))
        self._keepalive = Keepalive(
            clock,
            limits.keepalive_interval,
            limits.keepalive_count,
            ask=self._ask_for_life,
            lost=lambda: self._overdue("it does not answer any more"),
        )
        here = self.transport.getHost()
        url = self.factory.public_url or url_of_socket(username, host_of(here), here.port)

        def open_session(connection: Connection, window: int, largest_packet: int) -> Session:
            return Session(
                connection,
                window,
                largest_packet,
                gateway=self.factory.gateway,
                login=login,
                username=username,
                peer=self._peer,
                greeting=greeting(login.identity, url),
                answers=self.factory.answers,
            )

        self._connection = Connection(
            open_session,
            most_sessions=limits.max_sessions,
            accepts_data=self._accepts_data,
            refused=self._useless.spend,
            let_client_send=self._let_client_send,
        )
        self.setService(self._connection)

    def _ask_for_life(self) -> bool:
        """Send a request that has to be answered. Not where the answer could not be read now."""
        if not self._accepts_data or self._is_held:
            return False
        self.sendPacket(_GLOBAL_REQUEST, NS(b"keepalive@openssh.com") + b"\1")
        return True

    # What the client is sent.

    def sendPacket(self, messageType: int, payload: bytes) -> None:  # noqa: N802,N803
        if self.is_ended:
            return
        if self._idle is not None and messageType in _OF_SESSIONS:
            self._idle.moved()
        super().sendPacket(messageType, payload)
        self.renew_keys_if_due()

    def send_stream(self, head: bytes, data: bytes, most: int) -> None:
        if self.is_ended:
            return
        if self._idle is not None:
            self._idle.moved()
        super().send_stream(head, data, most)
        self.renew_keys_if_due()

    def sendExtInfo(self, extensions: list[tuple[bytes, bytes]]) -> None:  # noqa: N802
        """The signatures that are taken from users.

        conch sends those of the host keys; with an ed25519 host key, users with RSA keys could then not log in.
        """
        super().sendExtInfo([(b"server-sig-algs", b",".join(SIGNATURE_ALGORITHMS))])

    # When data may flow. What a session would send during a key exchange would be kept in memory until its end.

    @property
    def _accepts_data(self) -> bool:
        return not (self._is_full or self.is_exchanging_keys)

    def _flow(self) -> None:
        if self._connection is not None:
            self._connection.let_data_flow(self._accepts_data)

    def pauseProducing(self) -> None:
        """The socket is full. Nothing more is read either: what the client asks would have answers, to be kept here."""
        self._is_full = True
        self.transport.pauseProducing()
        self._flow()

    def resumeProducing(self) -> None:
        self._is_full = False
        self._let_client_send(not self._is_held)
        self._flow()

    def stopProducing(self) -> None:
        """The socket is gone; `connectionLost` follows."""

    def _let_client_send(self, may_send: bool) -> None:
        """Read what the client sends, or read no more: a session has more of it than git takes."""
        self._is_held = not may_send
        if may_send and not self._is_full:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    # A key exchange.

    def sendKexInit(self) -> None:  # noqa: N802
        super().sendKexInit()
        if self._connection is not None:
            # A slow line may have to carry a whole window of data before the client sees this.
            self._set_deadline(self.factory.limits.idle_deadline, "no end of a key exchange")
        self._flow()

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        super().ssh_NEWKEYS(packet)
        if self._connection is not None:
            self._clear_deadline()
        self._flow()
