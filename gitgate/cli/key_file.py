"""A public key file, such as ~/.ssh/id_ed25519.pub, as a login."""

import base64
import binascii
from pathlib import Path

import click

from gitgate.plugin import PublicKey
from gitgate.transports.ssh.public_key import read_public_key
from gitgate.wire.malformed import Malformed


def read_key_file(file: Path, username: str) -> PublicKey:
    """The key in the file, as if somebody had proved to hold it.

    Raises `click.UsageError` for a file that holds none, and for a key that the server would not take either.
    """
    words = file.read_text(encoding="utf-8", errors="replace").split()
    if words[:1] == ["-----BEGIN"]:
        raise click.UsageError(f"{file} is not a public key; name the file beside it that ends in .pub")
    if len(words) < 2:
        raise click.UsageError(f"{file} is not a public key, which looks like: ssh-ed25519 AAAA...")
    key_type, text = words[:2]
    # An RSA key signs with SHA-2, whatever its type is called (RFC 8332).
    algorithm = "rsa-sha2-512" if key_type == "ssh-rsa" else key_type
    try:
        key = read_public_key(algorithm.encode(), base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, Malformed) as error:
        raise click.UsageError(f"{file}: the key is not taken: {error}") from None
    return PublicKey(username=username, algorithm=key.type, blob=key.blob, fingerprint=key.fingerprint, verified=True)
