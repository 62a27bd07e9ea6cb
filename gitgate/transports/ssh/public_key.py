"""A client's public key and its signature: judged before conch parses them."""

import struct
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from twisted.conch.ssh.keys import BadKeyError, Key

from gitgate.transports.ssh.fields import Fields
from gitgate.wire.malformed import Malformed
from gitgate.wire.printable import printable

_LONGEST_BLOB: Final = 16 * 1024
#: As in OpenSSH (sshkey.h, RequiredRSASize) and OpenSSL.
_RSA_BITS: Final = range(1024, 16384 + 1)

#: Each type of key, with the signature algorithms that are taken from it. `ssh-rsa` as an algorithm is RSA with SHA-1
#: (RFC 8332), which OpenSSH 8.8 dropped as well.
_ALGORITHMS: Final[Mapping[bytes, tuple[bytes, ...]]] = {
    b"ssh-ed25519": (b"ssh-ed25519",),
    b"sk-ssh-ed25519@openssh.com": (b"sk-ssh-ed25519@openssh.com",),
    b"ecdsa-sha2-nistp256": (b"ecdsa-sha2-nistp256",),
    b"ecdsa-sha2-nistp384": (b"ecdsa-sha2-nistp384",),
    b"ecdsa-sha2-nistp521": (b"ecdsa-sha2-nistp521",),
    b"sk-ecdsa-sha2-nistp256@openssh.com": (b"sk-ecdsa-sha2-nistp256@openssh.com",),
    b"ssh-rsa": (b"rsa-sha2-512", b"rsa-sha2-256"),
}

#: For the extension `server-sig-algs` (RFC 8308 section 3.1).
SIGNATURE_ALGORITHMS: Final = tuple(name for names in _ALGORITHMS.values() for name in names)

_USER_PRESENT: Final = 0x01


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key that a client holds, or says that it holds."""

    type: str
    blob: bytes
    algorithm: bytes
    key: Key

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        return fingerprint_of(self.blob)

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (RFC 4253 section 6.6) is this key's over `message`, by the algorithm that was named."""
        try:
            fields = Fields(signature)
            if fields.string() != self.algorithm:
                return False
            fields.string()
            if self.key.isSecurityKey():
                # OpenSSH PROTOCOL.u2f: the token signs hashes, and says whether somebody had touched it. A key that
                # signs without that is as good as stolen once malware is on the user's machine (CVE-2026-39831).
                flags, counter = fields.take(1), fields.take(4)
                if not flags[0] & _USER_PRESENT:
                    return False
                message = sha256(self.key.application).digest() + flags + counter + sha256(message).digest()
            fields.end()
            return bool(self.key.verify(signature, message))
        except (ValueError, struct.error):
            return False


def fingerprint_of(blob: bytes) -> str:
    """The fingerprint of a key, whether or not it can be used here."""
    return "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")


def read_public_key(algorithm: bytes, blob: bytes) -> OfferedKey:
    """The key in `blob`, to be used with `algorithm`. Raises `Malformed` for every other than those taken here.

    conch guesses what a blob is, and parses a megabyte of "(" for 16.7 seconds, before any login. So type and size are
    judged first, and conch is then told what it is.
    """
    if len(blob) > _LONGEST_BLOB:
        raise Malformed(f"the key is longer than {_LONGEST_BLOB} bytes")
    key_type = Fields(blob).string()
    if algorithm not in _ALGORITHMS.get(key_type, ()):
        raise Malformed(f"{printable(algorithm, 64)} with a key of type {printable(key_type, 64)} is not taken")
    try:
        key = Key.fromString(blob, type="blob")
        # One key has one blob: plugins compare blobs, and a longer or otherwise written one is another key to them.
        is_canonical = key.blob() == blob
    except (BadKeyError, ValueError, struct.error, UnsupportedAlgorithm) as error:
        raise Malformed(f"the key cannot be used: {error}") from None
    if not is_canonical:
        raise Malformed("the key is not written as keys are")
    if key_type == b"ssh-rsa" and key.size() not in _RSA_BITS:
        raise Malformed(f"an RSA key of {key.size()} bits is not taken")
    return OfferedKey(key_type.decode("ascii"), blob, algorithm, key)
