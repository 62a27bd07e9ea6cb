"""The server's side of key exchanges: by what, in which order, how often, and when new keys are due."""

from typing import Final

from twisted.conch.ssh.transport import SSHServerTransport

from gitgate.reactor import Clock
from gitgate.transports.ssh.allowance import Allowance
from gitgate.transports.ssh.fields import Fields
from gitgate.transports.ssh.key_exchange import OF_KEY_EXCHANGES, KeyExchangeOrder, Proposal
from gitgate.transports.ssh.packet_transport import AgreedKeys, PacketTransport
from gitgate.transports.ssh.protection import QUICK_CIPHERS
from gitgate.wire.malformed import Malformed

#: conch leaves the post-quantum one out where the cryptography library is too old for it. Those over NIST's curves are
#: left out by us (ssh-audit: "suspected as being backdoored"), and so is whatever uses SHA-1.
KEY_EXCHANGES: Final = tuple(
    name
    for name in (b"mlkem768x25519-sha256", b"curve25519-sha256", b"curve25519-sha256@libssh.org")
    if name in SSHServerTransport.supportedKeyExchanges
)

#: Who asks for new keys after more than this has as many as it likes. An exchange costs us about a millisecond.
_BYTES_WORTH_NEW_KEYS: Final = 256 * 1024

#: OpenSSH's client knows AES-GCM, and yet, until version 10, prefers AES-CTR with a MAC; and its order decides. So who
#: moves more than this is asked to exchange keys again, for which only GCM is then offered (RFC 4253 section 9 lets the
#: algorithms change). The exchange costs about what GCM saves on a quarter of this, and two round trips.
_BYTES_WORTH_A_QUICK_CIPHER: Final = 4 * 1024 * 1024

#: Of some other clients it is known that they do not expect us to begin an exchange while data flows.
_OPENSSH: Final = b"SSH-2.0-OpenSSH_"


class KeyedTransport(PacketTransport, SSHServerTransport):
    """A transport whose keys are exchanged in order, and renewed in time."""

    def __init__(self, clock: Clock, *, rekey_bytes: int, rekey_interval_seconds: float) -> None:
        super().__init__()
        self.supportedKeyExchanges = list(KEY_EXCHANGES)
        self._clock = clock
        self._rekey_bytes = rekey_bytes
        self._most_under_key = rekey_bytes
        self._rekey_interval_seconds = rekey_interval_seconds
        self._keys_since = clock.seconds()
        self._order = KeyExchangeOrder()
        self._new_keys = Allowance(clock, "new keys are asked for too often", at_once=10, each_second=1.0)

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:  # noqa: N802,N803
        if self.ignoreNextPacket and messageNum in OF_KEY_EXCHANGES:
            # It guessed the algorithm, and guessed wrong: another one follows (RFC 4253 section 7.1).
            self.ignoreNextPacket = 0
            return
        self._order.received(messageNum)
        self.message_received(messageNum, payload)

    def message_received(self, message: int, payload: bytes) -> None:
        """A message that has its place here, for conch to act on."""
        super().dispatchMessage(message, payload)

    def renew_keys_if_due(self) -> None:
        """Begin a key exchange where the keys were in use for too long, or for too much."""
        age = self._clock.seconds() - self._keys_since
        is_due = self.bytes_under_key >= self._most_under_key or age >= self._rekey_interval_seconds
        if is_due and self._order.is_first_done and not self.is_exchanging_keys:
            self.sendKexInit()

    def ssh_KEXINIT(self, packet: bytes) -> None:
        is_wish_of_client = self._order.is_first_done and not self.is_exchanging_keys
        if is_wish_of_client and self.bytes_under_key < _BYTES_WORTH_NEW_KEYS:
            self._new_keys.spend()
        super().ssh_KEXINIT(packet)
        if self.is_strict:
            self._order.be_strict()

    def agreed(self, proposal: Proposal, keys: AgreedKeys) -> None:
        self._most_under_key = self._rekey_bytes
        is_quick = keys.outCipType in QUICK_CIPHERS and keys.inCipType in QUICK_CIPHERS
        if not is_quick and proposal.takes(QUICK_CIPHERS) and self.otherVersionString.startswith(_OPENSSH):
            self.supportedCiphers = list(QUICK_CIPHERS)  # from the next proposal on
            self._most_under_key = min(self._rekey_bytes, _BYTES_WORTH_A_QUICK_CIPHER)

    def ssh_KEX_DH_GEX_REQUEST_OLD(self, packet: bytes) -> None:
        """The client's half of a secret, whichever way of exchanging keys it is for."""
        fields = Fields(packet)
        fields.string()
        fields.end()
        try:
            super().ssh_KEX_DH_GEX_REQUEST_OLD(packet)
        except ValueError as error:
            raise Malformed("no keys can be made of this") from error

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        self.new_keys_begin(packet)
        super().ssh_NEWKEYS(packet)
        self._keys_since = self._clock.seconds()
        self.key_exchange_ended()
