"""The ssh transport: which algorithms, who may send what when, how long a login may take, and when data may flow.

What conch leaves open is closed here by overriding its public methods and attributes; no private name of Twisted is
used in this package.
"""

import logging
import struct
from typing import TYPE_CHECKING, Final

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.transport import (
    DISCONNECT_PROTOCOL_ERROR,
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_SERVICE_ACCEPT,
    SSHServerTransport,
)
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection as Socket
from twisted.python.failure import Failure
from zope.interface import implementer

from gitgate import __version__
from gitgate.idle import IdleTimer
from gitgate.login import Login
from gitgate.plugin import Transport
from gitgate.reactor import Timer
from gitgate.transports.connections import peer_at
from gitgate.transports.ssh.connection import Connection
from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.greeting import greeting, url_of_socket
from gitgate.transports.ssh.key_exchange import KeyExchangeOrder
from gitgate.transports.ssh.public_key import SIGNATURE_ALGORITHMS
from gitgate.transports.ssh.session import Session
from gitgate.transports.ssh.userauth import UserAuth
from gitgate.wire.malformed import Malformed
from gitgate.wire.printable import printable

if TYPE_CHECKING:
    from gitgate.transports.ssh.factory import SshFactory

_log = logging.getLogger(__name__)

#: conch leaves the post-quantum one out where the cryptography library is too old for it.
_KEY_EXCHANGES: Final = tuple(
    name
    for name in (b"mlkem768x25519-sha256", b"curve25519-sha256", b"curve25519-sha256@libssh.org")
    if name in SSHServerTransport.supportedKeyExchanges
)

#: The largest packet: what RFC 4253 section 6.1 asks for before the login, and OpenSSH's own bound after it. conch's is
#: 1 MiB from the start.
_LONGEST_PACKET_BEFORE_LOGIN: Final = 35_000
_LONGEST_PACKET: Final = 256 * 1024

#: How long a client that was sent away may take to read why.
_SECONDS_TO_READ_THE_REASON: Final = 5.0

#: Lower numbers are the transport's own (RFC 4250 section 4.1.2).
_FIRST_OF_SERVICES: Final = 50

#: What conch's own parsers raise for messages that are too short or hold nonsense.
_CONCHS_COMPLAINTS: Final = (ValueError, KeyError, IndexError, TypeError, struct.error)


@implementer(IPushProducer)
class SshTransport(SSHServerTransport):
    """One client's connection. For its socket it is the producer of all that is sent."""

    factory: "SshFactory"
    transport: Socket  # type: ignore[assignment]

    ourVersionString = f"SSH-2.0-gitgate_{__version__}".encode()  # noqa: N815

    def __init__(self, factory: "SshFactory") -> None:
        self.factory = factory
        self.supportedKeyExchanges = list(_KEY_EXCHANGES)
        self.supportedPublicKeys = list(factory.signature_algorithms)
        self.supportedCiphers = [b"aes256-ctr", b"aes192-ctr", b"aes128-ctr"]
        self.supportedMACs = [b"hmac-sha2-512", b"hmac-sha2-256"]
        # conch offers zlib before the login: 205 kB then unpack to 200 MB.
        self.supportedCompressions = [b"none"]
        self._order = KeyExchangeOrder()
        self._connection: Connection | None = None
        self._deadline: Timer | None = None
        self._idle: IdleTimer | None = None
        self._is_ended = False
        self._is_full = False
        self._is_exchanging_keys = False

    # The connection begins and ends.

    def connectionMade(self) -> None:
        self._peer = peer_at(Transport.SSH, self.transport.getPeer())
        self.factory.connections.add(self.transport)
        self._set_deadline(self.factory.login_deadline_seconds, "no login in time")
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        super().connectionMade()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._is_ended = True
        self._clear_deadline()
        if self._idle is not None:
            self._idle.stop()
        self.factory.connections.discard(self.transport)
        super().connectionLost(reason)

    def sendDisconnect(self, reason: int, desc: bytes | str) -> None:  # noqa: N802
        """Tell the client why it has to go. From now on nothing that it sends is looked at."""
        if not self._is_ended:
            super().sendDisconnect(reason, desc)
            self._end()

    def ssh_DISCONNECT(self, packet: bytes) -> None:
        """The client goes."""
        self._end()

    def _end(self) -> None:
        self._is_ended = True
        if self.service is not None:
            self.service.serviceStopped()
            self.service = None
        self._connection = None
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        self._set_deadline(_SECONDS_TO_READ_THE_REASON, "the client does not read why it has to go")

    def _set_deadline(self, seconds: float, what: str) -> None:
        self._clear_deadline()
        self._deadline = self.factory.clock.callLater(seconds, self._overdue, what)

    def _clear_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def _overdue(self, what: str) -> None:
        _log.info("ssh %s: closed, %s", self._peer.address, what)
        self.transport.abortConnection()

    # What the client sends.

    def dataReceived(self, data: bytes) -> None:
        if self._idle is not None:
            self._idle.moved()
        try:
            super().dataReceived(data)
        except _CONCHS_COMPLAINTS as error:
            _log.info("ssh %s: malformed: %s", self._peer.address, printable(str(error) or type(error).__name__))
            _log.debug("where it was found", exc_info=True)
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"malformed message")
        except Exception:
            _log.exception("ssh %s: failed", self._peer.address)
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"gitgate failed")

    def getPacket(self) -> bytes | None:  # noqa: N802
        """The next packet, where all of it is here. Raises `Malformed` for one that is too long, or empty."""
        if self._is_ended:
            return None
        packet: bytes | None = super().getPacket()
        longest = _LONGEST_PACKET_BEFORE_LOGIN if self._connection is None else _LONGEST_PACKET
        if packet is None:
            # conch keeps the first block of a packet that is not all here, decrypted.
            first: bytes = getattr(self, "first", bytes(4))
            length = int.from_bytes(first[:4], "big")
        else:
            length = len(packet)
        if length > longest:
            raise Malformed(f"a packet of {length} bytes, where {longest} are allowed")
        if packet == b"":
            raise Malformed("an empty packet")
        return packet

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:  # noqa: N802,N803
        self._order.received(messageNum, ignored=bool(self.ignoreNextPacket))
        if messageNum >= _FIRST_OF_SERVICES and self.service is None:
            # conch would log it whole, and it may hold a password.
            self.sendUnimplemented()
        else:
            super().dispatchMessage(messageNum, payload)

    def ssh_EXT_INFO(self, packet: bytes) -> None:
        """Ignored, unread: conch's parser takes 2.3 seconds for 125,000 extensions, and none matters here."""

    def ssh_SERVICE_REQUEST(self, packet: bytes) -> None:
        name = Fields(packet).string()
        if name != b"ssh-userauth" or self.service is not None:
            # A second one would begin the login anew, with all its attempts.
            self.sendDisconnect(DISCONNECT_SERVICE_NOT_AVAILABLE, b"there is only ssh-userauth, and only once")
            return
        self.sendPacket(MSG_SERVICE_ACCEPT, NS(name))
        self.setService(UserAuth(self.factory.gateway, self._peer, self._logged_in))

    def _logged_in(self, login: Login, username: str) -> None:
        self.factory.connections.let_in(self.transport)
        self._clear_deadline()
        # A client that never reads, or opens no session, would otherwise keep its place for ever.
        self._idle = IdleTimer(
            self.factory.clock, self.factory.idle_deadline_seconds, lambda: self._overdue("silent for too long")
        )
        here = self.transport.getHost()
        url = self.factory.public_url or url_of_socket(username, here.host, here.port)

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
            )

        self._connection = Connection(open_session, accepts_data=self._accepts_data)
        self.setService(self._connection)

    # What the client is sent.

    def sendPacket(self, messageType: int, payload: bytes) -> None:  # noqa: N802,N803
        if self._is_ended:
            return
        if self._idle is not None:
            self._idle.moved()
        super().sendPacket(messageType, payload)

    def sendExtInfo(self, extensions: list[tuple[bytes, bytes]]) -> None:  # noqa: N802
        """The signatures that are taken from users.

        conch sends those of the host keys; with an ed25519 host key, users with RSA keys could then not log in.
        """
        super().sendExtInfo([(b"server-sig-algs", b",".join(SIGNATURE_ALGORITHMS))])

    # When data may flow. What a session would send during a key exchange, conch keeps in memory until its end.

    @property
    def _accepts_data(self) -> bool:
        return not (self._is_full or self._is_exchanging_keys)

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
        self.transport.resumeProducing()
        self._flow()

    def stopProducing(self) -> None:
        """The socket is gone; `connectionLost` follows."""

    def sendKexInit(self) -> None:  # noqa: N802
        super().sendKexInit()
        self._is_exchanging_keys = True
        if self._connection is not None:
            self._set_deadline(self.factory.login_deadline_seconds, "no end of a key exchange")
        self._flow()

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        super().ssh_NEWKEYS(packet)
        self._is_exchanging_keys = False
        if self._connection is not None:
            self._clear_deadline()
        self._flow()

    # conch's own lines about what a client says; it may say anything, and as often as it likes.

    def receiveUnimplemented(self, seqnum: int) -> None:  # noqa: N802
        _log.debug("ssh %s: does not know message %d", self._peer.address, seqnum)

    def receiveDebug(self, alwaysDisplay: bool, message: bytes, lang: bytes) -> None:  # noqa: N802,N803
        _log.debug("ssh %s: %s", self._peer.address, printable(message))
