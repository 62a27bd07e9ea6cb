"""ssh public keys in the directory: lines of OpenSSH's authorized_keys, one to a value."""

import base64
import binascii
import logging
from collections.abc import Iterable
from typing import Final

#: ssh-dss is left out: it signs with SHA-1 only.
_KEY_TYPES: Final = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)

_log: Final = logging.getLogger(__name__)


def key_blobs(dn: str, values: Iterable[str]) -> frozenset[bytes]:
    """The keys of these values (RFC 4253 section 6.6). A value that cannot be used is left out.

    So is a value with options, such as `from="10.0.0.0/8"`, whatever they say: none is honoured here, and a key that
    was restricted must not become one that is not.
    """
    blobs = set()
    for value in values:
        words = value.split()
        if len(words) < 2 or words[0] not in _KEY_TYPES:
            what = f"begins with {words[0][:60]!r}, which is no type of key that is accepted" if words else "is empty"
            _log.debug("ssh key of %s left out: it %s", dn, what)
            continue
        try:
            blob = base64.b64decode(words[1], validate=True)
        except (binascii.Error, ValueError):
            _log.debug("ssh key of %s left out: what follows %s is not base64", dn, words[0])
            continue
        if not blob.startswith(len(words[0]).to_bytes(4, "big") + words[0].encode()):
            _log.debug("ssh key of %s left out: it says %s, and is something else", dn, words[0])
            continue
        blobs.add(blob)
    return frozenset(blobs)
