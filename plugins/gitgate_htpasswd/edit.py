"""Writes one user's line of a password file: what `gitgate passwd` does.

The other lines stay as they are, byte for byte. The new file is complete on disk before it takes the old one's place,
so that a server which reads it, and one which starts after a power cut, finds either the old file or the new one.
"""

import codecs
import fcntl
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import bcrypt

from gitgate.plugin import ANONYMOUS
from gitgate_htpasswd.hashes import BCRYPT_BYTES, MAX_PASSWORD_BYTES, password_bytes

#: What `set_password` can write. Apache and nginx cannot read argon2id.
SCHEMES: Final = ("bcrypt", "argon2id")

#: About 300 ms for each login; 10 takes 80 ms, 14 more than a second.
_BCRYPT_COST: Final = 12


class EditRefused(ValueError):
    """Nothing was written. The message says why, for the person who asked."""


def set_password(file: Path, username: str, password: str, scheme: str = "bcrypt") -> None:
    """Gives the user this password, and a line where there is none; makes the file, for its owner only.

    Raises EditRefused for a name or password that could not log in, and OSError where the file cannot be written.
    """
    _refuse_bad_name(username)
    name, hash_ = username.encode(), _hash(password, scheme)

    def change(lines: list[bytes]) -> list[bytes]:
        position = _line_of(name, lines, file)
        if position is not None:
            return [*lines[:position], _with_hash(lines[position], hash_), *lines[position + 1 :]]
        end = b"\r\n" if lines and lines[-1].endswith(b"\r\n") else b"\n"
        last = [lines[-1] if lines[-1].endswith(b"\n") else lines[-1] + end] if lines else []
        return [*lines[:-1], *last, name + b":" + hash_ + end]

    _rewrite(file, change)


def remove_user(file: Path, username: str) -> None:
    """Takes the user's line out. Raises EditRefused where there is none, and OSError where it cannot be written."""

    def change(lines: list[bytes]) -> list[bytes]:
        # A name of the command line that is not UTF-8 arrives with surrogates, and has to match the file's bytes.
        position = _line_of(username.encode(errors="surrogateescape"), lines, file)
        if position is None:
            raise EditRefused(f"{file}: there is no user {username!r}")
        return [*lines[:position], *lines[position + 1 :]]

    _rewrite(file, change)


def _refuse_bad_name(username: str) -> None:
    if username == ANONYMOUS.name:
        raise EditRefused(f"the name {username!r} belongs to people who have not logged in; choose another")
    if not username or username != username.strip() or username.startswith("#"):
        raise EditRefused("a user name must not be empty, begin with '#', or begin or end with a blank")
    if ":" in username or not username.isprintable():
        raise EditRefused("a user name must not have a colon, or a character that does not show")


def _hash(password: str, scheme: str) -> bytes:
    encoded = password_bytes(password)
    if encoded is None:
        raise EditRefused(f"a password has 1 to {MAX_PASSWORD_BYTES} bytes, none of which is NUL")
    if scheme == "bcrypt":
        if len(encoded) > BCRYPT_BYTES:
            raise EditRefused(
                f"bcrypt reads {BCRYPT_BYTES} bytes of a password, and this has {len(encoded)}; choose a shorter one"
            )
        # The library writes $2b$; $2y$ is what Apache's htpasswd calls the same algorithm.
        return bcrypt.hashpw(encoded, bcrypt.gensalt(_BCRYPT_COST)).replace(b"$2b$", b"$2y$", 1)
    if scheme == "argon2id":
        return _hash_argon2id(encoded)
    raise EditRefused(f"there is no scheme {scheme!r}; choose one of {', '.join(SCHEMES)}")


def _hash_argon2id(password: bytes) -> bytes:
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise EditRefused("argon2id needs the Python package argon2-cffi; run: pip install argon2-cffi") from error
    return PasswordHasher().hash(password).encode("ascii")


def _line_of(name: bytes, lines: list[bytes], file: Path) -> int | None:
    found = [position for position, line in enumerate(lines) if _name_of(line) == name]
    if len(found) > 1:
        numbers = " and ".join(str(position + 1) for position in found)
        raise EditRefused(f"{file}: lines {numbers} name the same user; delete all but one")
    return found[0] if found else None


def _name_of(line: bytes) -> bytes | None:
    name, colon, _ = line.strip().partition(b":")
    return name if colon and not name.startswith(b"#") else None


def _with_hash(line: bytes, hash_: bytes) -> bytes:
    """The line with another hash, and with the comment and the line end that it had."""
    name, _, rest = line.partition(b":")
    old, colon, comment = rest.partition(b":")
    tail = colon + comment if colon else old[len(old.rstrip()) :]
    return name + b":" + hash_ + tail


def _rewrite(file: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    target = file.resolve()  # of a link, the file that it leads to is replaced, and not the link
    with _only_writer(target.parent) as folder:
        status = target.stat() if target.exists() else None
        if status is not None and not stat.S_ISREG(status.st_mode):
            # As root, one would put a password file in the place of /dev/null.
            raise EditRefused(f"{target} is not a regular file")
        old = b"" if status is None else target.read_bytes()
        mark = codecs.BOM_UTF8 if old.startswith(codecs.BOM_UTF8) else b""
        lines = io.BytesIO(old.removeprefix(mark)).readlines()
        _replace(target, mark + b"".join(change(lines)), status)
        os.fsync(folder)


@contextmanager
def _only_writer(folder: Path) -> Iterator[int]:
    """The open folder, locked against other writers. The file itself cannot hold the lock: each write replaces it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(target: Path, content: bytes, status: os.stat_result | None) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(content)
            if status is not None:
                _keep_owner_and_mode(descriptor, status, target)
            temporary.flush()
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


def _keep_owner_and_mode(descriptor: int, status: os.stat_result, target: Path) -> None:
    try:
        os.fchown(descriptor, status.st_uid, status.st_gid)
    except PermissionError as error:
        # Written as somebody else's, the file could be closed to the very server that reads it.
        raise EditRefused(f"{target}: its owner and group cannot be kept; run this as its owner, or as root") from error
    os.fchmod(descriptor, status.st_mode & 0o7777)
