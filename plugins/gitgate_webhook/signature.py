"""Signatures by which the service knows that a message is gitgate's: Standard Webhooks 1.0, symmetric ("v1").

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

from gitgate.plugin import Secret

_PREFIX: Final = "whsec_"

#: The specification's limits, in bytes.
_SHORTEST, _LONGEST = 24, 64


def signing_key(secret: Secret) -> bytes:
    """The key that a secret writes. Raises ValueError, whose words do not show it."""
    text = secret.reveal()
    if not text.startswith(_PREFIX):
        raise ValueError(f"does not begin with {_PREFIX}: that, and 24 to 64 random bytes in base64, make a secret")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"is not base64 behind {_PREFIX}") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"is {len(key)} bytes long behind {_PREFIX}; make it {_SHORTEST} to {_LONGEST}")
    return key


def signature_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. While secrets are rotated there are several keys, and a signature with each.

    Without a key there is no signature; the id, which a second attempt repeats, and the time are there anyway.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if keys:
        signed = b".".join((message_id.encode("ascii"), str(timestamp).encode("ascii"), body))
        signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode("ascii") for key in keys)
        headers["webhook-signature"] = " ".join(f"v1,{signature}" for signature in signatures)
    return headers
