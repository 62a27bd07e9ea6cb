"""The server's own keys: made where they are missing, and refused where others can read them."""

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from twisted.conch.ssh.keys import BadKeyError, EncryptedKeyError, Key

_RSA_BITS: Final = 3072
_TYPES: Final = (
    b"ssh-ed25519",
    b"ssh-rsa",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
)


class HostKeyUnusable(ValueError):
    """A host key that cannot be used. The message names the file, what is wrong, and what to do."""


def load_host_keys(paths: Iterable[Path]) -> tuple[Key, ...]:
    """The private keys in these files, in OpenSSH's format. Raises `HostKeyUnusable`.

    A file that is missing is made: RSA where "rsa" is part of its name, ed25519 otherwise.
    """
    keys: dict[bytes, tuple[Path, Key]] = {}
    for path in paths:
        key = _load(path)
        other, _ = keys.setdefault(key.sshType(), (path, key))
        if other is not path:
            raise HostKeyUnusable(
                f"{path}: {other} is of the same type, {key.sshType().decode()}; name one of each type"
            )
    return tuple(key for _, key in keys.values())


def _load(path: Path) -> Key:
    try:
        try:
            text = _read(path)
        except FileNotFoundError:
            _make(path)
            text = _read(path)
    except OSError as error:
        raise HostKeyUnusable(f"{path}: {error.strerror}; a host key is read from there, or made") from error
    return _parse(path, text)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise HostKeyUnusable(
                f"{path}: others can get at this private key (mode {mode:04o}); run: chmod 600 {path}"
            )
        return file.read()


def _parse(path: Path, text: bytes) -> Key:
    try:
        key: Key = Key.fromString(text, type="private_openssh")
    except EncryptedKeyError:
        raise HostKeyUnusable(f"{path}: the key has a passphrase; remove it with: ssh-keygen -p -f {path}") from None
    except (BadKeyError, ValueError, IndexError, TypeError, KeyError, AssertionError) as error:
        raise HostKeyUnusable(
            f"{path}: this is no private key ({error}); move it away and a new one is made, or make one with: "
            f"ssh-keygen -t ed25519 -N '' -f {path}"
        ) from error
    if key.isPublic() or key.sshType() not in _TYPES:
        raise HostKeyUnusable(f"{path}: a private key is needed, of type ed25519, rsa or ecdsa")
    return key


def _make(path: Path) -> None:
    """Make a new key. Where another process has made one in the meantime, that one stays."""
    private = generate_private_key(65537, _RSA_BITS) if "rsa" in path.name else Ed25519PrivateKey.generate()
    key = Key(private)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(begun, key.toString("openssh", subtype="v1", comment=b"gitgate"), 0o600)
        # A link, unlike a rename, does not replace what is there.
        path.hardlink_to(begun)
    except FileExistsError:
        return
    finally:
        begun.unlink(missing_ok=True)
    public = begun.with_name(begun.name + ".pub")
    _write(public, key.public().toString("openssh", comment=b"gitgate") + b"\n", 0o644)
    public.replace(path.with_name(path.name + ".pub"))


def _write(path: Path, text: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
