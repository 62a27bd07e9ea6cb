"""conch's transport with packets of our own: authenticated ones, and strict key exchange.

conch knows neither AES-GCM nor MACs of what is encrypted, and has no place to put them in. So what it does with bytes
is replaced here; what it does with the messages of a key exchange stays.
"""

from typing import Any, Final

from twisted.conch.ssh.transport import (
    DISCONNECT_PROTOCOL_ERROR,
    MSG_NEWKEYS,
    MSG_UNIMPLEMENTED,
    SSHCiphers,
    SSHTransportBase,
)
from twisted.internet.tcp import Connection as Socket

from gitgate.transports import direct
from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.identification import Identification
from gitgate.transports.ssh.key_exchange import OF_KEY_EXCHANGES, STRICT_CLIENT, STRICT_SERVER, Proposal, read_proposal
from gitgate.transports.ssh.packets import PacketReader, PacketWriter
from gitgate.transports.ssh.protection import CIPHERS, MACS, Protection, protection

#: The largest packet that RFC 4253 section 6.1 asks for. Nobody is told that more would be taken: a channel's data
#: comes in at most 32 KiB, and nothing else is longer. conch takes 1 MiB, from the first byte on.
_LONGEST_PACKET: Final = 35_000

#: DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, and what belongs to the exchange itself (RFC 4253 section 7.1).
_DURING_KEY_EXCHANGES: Final = frozenset({1, 2, 3, 4, *OF_KEY_EXCHANGES})

#: How many messages may wait for the end of a key exchange.
_MOST_HELD: Final = 1000


class AgreedKeys(SSHCiphers):
    """What was agreed on for both directions. In the place of conch's ciphers, which cannot protect as we do."""

    outgoing: Protection
    incoming: Protection

    def setKeys(  # noqa: N802
        self,
        outIV: bytes,  # noqa: N803
        outKey: bytes,  # noqa: N803
        inIV: bytes,  # noqa: N803
        inKey: bytes,  # noqa: N803
        outInteg: bytes,  # noqa: N803
        inInteg: bytes,  # noqa: N803
    ) -> None:
        self.outgoing = protection(
            self.outCipType, self.outMACType, nonce=outIV, key=outKey, mac_key=outInteg, seals=True
        )
        self.incoming = protection(self.inCipType, self.inMACType, nonce=inIV, key=inKey, mac_key=inInteg, seals=False)
        self.encBlockSize = self.outgoing.block
        self.decBlockSize = self.incoming.block


class PacketTransport(SSHTransportBase):
    """The half of a transport that deals in bytes. What is not as it has to be is raised as `Malformed`."""

    transport: Socket  # type: ignore[assignment]

    #: What is offered in the first proposal, and what in the other side's says that it is strict as well.
    strict_here = STRICT_SERVER
    strict_there = STRICT_CLIENT

    def __init__(self) -> None:
        self.supportedCiphers = list(CIPHERS)
        self.supportedMACs = list(MACS)
        # conch offers zlib before the login: 205 kB then unpack to 200 MB.
        self.supportedCompressions = [b"none"]
        self.is_strict = False
        self.is_exchanging_keys = False
        self.is_ended = False
        self._identification: Identification | None = Identification()
        self._reader = PacketReader(_LONGEST_PACKET)
        self._writer = PacketWriter()
        self._held: list[tuple[int, bytes]] = []

    @property
    def bytes_taken(self) -> int:
        """What the other side has sent, in packets that were looked at."""
        return self._reader.bytes_taken

    @property
    def bytes_under_key(self) -> int:
        """What was sent in both directions with the keys that are in use."""
        return self._reader.bytes_under_key + self._writer.bytes_under_key

    def dataReceived(self, data: bytes) -> None:
        if self._identification is not None:
            read = self._identification.read(data)
            if read is None:
                return
            self.otherVersionString, data = read
            self.gotVersion = True
            self._identification = None
        self._reader.feed(data)
        while not self.is_ended and (packet := self._reader.next()) is not None:
            self.dispatchMessage(*packet)

    def sendPacket(self, messageType: int, payload: bytes) -> None:  # noqa: N802,N803
        """Send a message, or keep it until the keys are exchanged."""
        if self.is_exchanging_keys and messageType not in _DURING_KEY_EXCHANGES:
            self._hold(messageType, payload)
            return
        self.transport.write(self._writer.packet(messageType, payload))
        if messageType == MSG_NEWKEYS:
            self._writer.use(self._agreed.outgoing, counting_anew=self.is_strict)

    def send_stream(self, head: bytes, data: bytes, most: int) -> None:
        """Send data of a channel in as many messages as it takes; each is `head`, a length, and at most `most` bytes.

        Not to be called while keys are exchanged: a stream can wait, and is kept by who has it.
        """
        direct.send(self.transport, (self._writer.stream(head, data, most),))

    def sendUnimplemented(self) -> None:  # noqa: N802
        """Tell the other side that its last message is not known here. conch names the message after it."""
        self.sendPacket(MSG_UNIMPLEMENTED, self._reader.last_sequence.to_bytes(4, "big"))

    def _hold(self, message: int, payload: bytes) -> None:
        # CVE-2025-22869: somebody begins a key exchange, never ends it, and goes on asking for things.
        if len(self._held) < _MOST_HELD:
            self._held.append((message, payload))
        else:
            self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"too much waits for the end of a key exchange")

    def sendKexInit(self) -> None:  # noqa: N802
        self.is_exchanging_keys = True
        agreeable = self.supportedKeyExchanges
        if self.sessionID is None:
            # An algorithm that nobody may agree on: said once, and never compared.
            self.supportedKeyExchanges = [*agreeable, self.strict_here]
        super().sendKexInit()
        self.supportedKeyExchanges = agreeable

    def ssh_KEXINIT(self, packet: bytes) -> Any:
        proposal = read_proposal(packet)
        self.is_strict = self.is_strict or (self.sessionID is None and self.strict_there in proposal.key_exchanges)
        super().ssh_KEXINIT(packet)
        if not self.is_ended:
            agreed = self.nextEncryptions
            self._agreed = AgreedKeys(agreed.outCipType, agreed.inCipType, agreed.outMACType, agreed.inMACType)
            self.nextEncryptions = self._agreed
            self.agreed(proposal, self._agreed)

    def agreed(self, proposal: Proposal, keys: AgreedKeys) -> None:
        """The other side has proposed this, and both have agreed on those."""

    def new_keys_begin(self, packet: bytes) -> None:
        """The other side's NEWKEYS came: what it sends after that is protected by the new keys."""
        Fields(packet).end()
        self._reader.use(self._agreed.incoming, counting_anew=self.is_strict)

    def key_exchange_ended(self) -> None:
        """What had to wait is sent."""
        self.is_exchanging_keys = False
        held, self._held = self._held, []
        for message, payload in held:
            self.sendPacket(message, payload)
