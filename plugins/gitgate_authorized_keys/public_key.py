"""ssh public keys as text (`ssh-ed25519 AAAA...`) into wire blobs (RFC 4253 section 6.6)."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gitgate_authorized_keys.bad_line import BadLine

#: How many fields follow the type in a blob: RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4, and
#: OpenSSH's PROTOCOL.u2f.
_FIELDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "ssh-ed25519": 1,
        "ecdsa-sha2-nistp256": 2,
        "ecdsa-sha2-nistp384": 2,
        "ecdsa-sha2-nistp521": 2,
        "ssh-rsa": 2,
        "sk-ssh-ed25519@openssh.com": 2,
        "sk-ecdsa-sha2-nistp256@openssh.com": 3,
        "ssh-dss": 4,
    }
)

KEY_TYPES: Final = frozenset(_FIELDS)

#: An RSA key of 16,384 bits, the longest of all, takes 2.1 kB.
_LARGEST_BLOB: Final = 4096

# OpenSSH's bounds: RequiredRSASize, and SSHBUF_MAX_BIGNUM. Below 2,048 bits RSA is weak, but 1,024 is what sshd itself
# accepts: whoever moves a file from there to here has the same people in. Without an upper bound, one key would make
# every signature check as slow as its author likes.
_RSA_BITS: Final = range(1024, 16384 + 1)


def parse_public_key(key_type: str, text: str) -> bytes:
    """The wire blob that `text` encodes in base64, checked to be one whole key of this type.

    Raises BadLine for everything else. That the numbers make a good key is not checked: the blob is only compared.
    """
    if key_type == "ssh-dss":
        raise BadLine("ssh-dss keys sign with SHA-1 only, and are not accepted; make an ed25519 key")
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadLine("the key is not base64; was it cut off or wrapped?") from None
    if len(blob) > _LARGEST_BLOB:
        raise BadLine(f"the key has {len(blob)} bytes; no key needs more than {_LARGEST_BLOB}")
    own_type, *fields = _fields(blob)
    if own_type != key_type.encode():
        raise BadLine(
            f"the line says {key_type}, but the key in it is {own_type.decode('ascii', 'backslashreplace')!r}"
        )
    if len(fields) != _FIELDS[key_type]:
        raise BadLine(f"the key is damaged: it has {len(fields)} fields, {key_type} has {_FIELDS[key_type]}")
    if key_type == "ssh-rsa":
        modulus = int.from_bytes(fields[1], "big", signed=True)
        if modulus < 0 or modulus.bit_length() not in _RSA_BITS:
            raise BadLine(
                f"an RSA key of {modulus.bit_length()} bits is not accepted:"
                f" {_RSA_BITS.start} to {_RSA_BITS.stop - 1} are; make an ed25519 key"
            )
    return blob


def _fields(blob: bytes) -> Iterator[bytes]:
    """The strings that the blob consists of: each its length in four bytes, and its content (RFC 4251 section 5)."""
    at = 0
    while True:
        start = at + 4
        at = start + int.from_bytes(blob[at:start], "big")
        if at > len(blob):
            raise BadLine("the key is damaged: it ends too early; was it cut off?")
        yield blob[start:at]
        if at == len(blob):
            return
