"""How a packet is kept secret and whole on its way, and what of that is offered.

All that is offered authenticates what is on the wire before anything is decrypted, and sends a packet's length in the
clear. What else there is, and why it is not here:

- CBC, and MACs of the plain text ("encrypt and MAC"): a receiver has to decrypt before it knows who wrote it.
- chacha20-poly1305: clients that know it prefer it, and it is the slowest of all (measured, in packets of 32 KiB: 1.1
  GB/s; CTR with hmac-sha2-256 1.3 GB/s, GCM 6.5 GB/s). It is also the one that Terrapin (CVE-2023-48795) breaks where
  the client does not know strict key exchange.
"""

import hmac
from collections.abc import Callable
from struct import pack
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from gitgate.wire.malformed import Malformed


class WrongTag(Malformed):
    """A packet was changed on its way, or was not written by who has the keys."""


class Protection(Protocol):
    """The keys of one direction, from one key exchange to the next."""

    block: int
    """The padded length of a packet is a multiple of it."""
    tag: int
    """How many bytes follow a packet."""
    pads_length: bool
    """Whether the four bytes of the length count for the padding."""

    def seal(self, sequence: int, length: bytes, body: bytes, into: memoryview) -> None:
        """Write what is sent for the next packet. Its padded `body` has the length that is encoded in `length`, and
        `into` has room for both and the tag.
        """

    def open(self, sequence: int, length: bytes, sealed: memoryview) -> bytes:
        """The body of a packet; `sealed` is what came behind its length. Raises `WrongTag`."""


class Unprotected:
    """As it is before the first key exchange (RFC 4253 section 6)."""

    block = 8
    tag = 0
    pads_length = True

    def seal(self, sequence: int, length: bytes, body: bytes, into: memoryview) -> None:
        into[:4], into[4:] = length, body

    def open(self, sequence: int, length: bytes, sealed: memoryview) -> bytes:
        return bytes(sealed)


class Gcm:
    """AES in Galois/counter mode (RFC 5647, with the negotiation of OpenSSH's PROTOCOL, section 1.6).

    The nonce counts packets for itself, so a packet that is left out is noticed whatever its sequence number.
    """

    block = 16
    tag = 16
    pads_length = False

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._gcm = AESGCM(key)
        self._fixed, self._invocation = nonce[:4], int.from_bytes(nonce[4:12], "big")

    def seal(self, sequence: int, length: bytes, body: bytes, into: memoryview) -> None:
        into[:4] = length
        self._gcm.encrypt_into(self._nonce(), body, length, into[4:])

    def open(self, sequence: int, length: bytes, sealed: memoryview) -> bytes:
        try:
            return self._gcm.decrypt(self._nonce(), sealed, length)
        except InvalidTag:
            raise WrongTag("a packet's authentication is wrong") from None

    def _nonce(self) -> bytes:
        invocation = self._invocation
        self._invocation = (invocation + 1) % 2**64
        return self._fixed + invocation.to_bytes(8, "big")


class CtrWithMac:
    """AES in counter mode, and a MAC of what comes out of it (OpenSSH's PROTOCOL, section 1.5: "encrypt then MAC")."""

    block = 16
    pads_length = False

    def __init__(self, context: CipherContext, mac_key: bytes, digest: str) -> None:
        self._context = context
        # To copy one that has its key is quicker than to begin with the key each time.
        self._mac = hmac.new(mac_key, digestmod=digest)
        self.tag = self._mac.digest_size

    def seal(self, sequence: int, length: bytes, body: bytes, into: memoryview) -> None:
        encrypted = self._context.update(body)
        into[:4], into[4 : -self.tag] = length, encrypted
        into[-self.tag :] = self._tag_of(sequence, length, encrypted)

    def open(self, sequence: int, length: bytes, sealed: memoryview) -> bytes:
        encrypted, tag = sealed[: -self.tag], sealed[-self.tag :]
        if not hmac.compare_digest(self._tag_of(sequence, length, encrypted), tag):
            raise WrongTag("a packet's authentication is wrong")
        return self._context.update(encrypted)

    def _tag_of(self, sequence: int, length: bytes, encrypted: bytes | memoryview) -> bytes:
        mac = self._mac.copy()
        mac.update(pack(">L", sequence) + length)
        mac.update(encrypted)
        return mac.digest()


_GCM_KEY_BYTES: Final = {b"aes256-gcm@openssh.com": 32, b"aes128-gcm@openssh.com": 16}
_CTR_KEY_BYTES: Final = {b"aes256-ctr": 32, b"aes128-ctr": 16}
_DIGESTS: Final = {b"hmac-sha2-256-etm@openssh.com": ("sha256", 32), b"hmac-sha2-512-etm@openssh.com": ("sha512", 64)}

#: What is offered. Which of them is used, the client's order decides (RFC 4253 section 7.1).
CIPHERS: Final = (*_GCM_KEY_BYTES, *_CTR_KEY_BYTES)
#: Those that need no MAC beside them, and cost a fifth of the others, at both ends.
QUICK_CIPHERS: Final = tuple(_GCM_KEY_BYTES)
MACS: Final = tuple(_DIGESTS)


def protection(cipher: bytes, mac: bytes, *, nonce: bytes, key: bytes, mac_key: bytes, seals: bool) -> Protection:
    """The protection that was agreed on, for one direction: `seals` is ours. The three secrets may be too long.

    GCM needs no MAC; one is agreed on all the same, and not used.
    """
    if cipher in _GCM_KEY_BYTES:
        return Gcm(key[: _GCM_KEY_BYTES[cipher]], nonce)
    aes = Cipher(AES(key[: _CTR_KEY_BYTES[cipher]]), CTR(nonce[:16]))
    begin: Callable[[], CipherContext] = aes.encryptor if seals else aes.decryptor
    digest, key_bytes = _DIGESTS[mac]
    return CtrWithMac(begin(), mac_key[:key_bytes], digest)
