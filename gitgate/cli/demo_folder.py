"""The example that `gitgate demo` serves: a folder as `gitgate serve DIRECTORY` takes it, and a user's ssh key."""

import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from gitgate_htpasswd.edit import set_password

from gitgate.cli.directory_mode import Ports
from gitgate.cli.repositories import Commit, make_repository
from gitgate.git.installed import find_git

USER: Final = "demo"

_RIGHTS: Final = """\
[hello.git]
demo = rw
anonymous = r

[handbook.git]
demo = r
anonymous = r
"""

_HELLO: Final = (
    Commit("Say hello", "README.md", "# Hello\n\nThis repository may be pushed to by the user demo.\n"),
    Commit("Greet in C", "hello.c", '#include <stdio.h>\n\nint main(void)\n{\n\tputs("hello");\n}\n'),
    Commit("Tell how it is built", "Makefile", "hello: hello.c\n"),
)
_HANDBOOK: Final = (Commit("Begin the handbook", "README.md", "# Handbook\n\nEverybody may read it.\n"),)


@dataclass(frozen=True, slots=True)
class Demo:
    """The example. `host_key` is the server's; `user_key` is the private key of `USER`."""

    directory: Path
    password: str
    host_key: Path
    host_public_key: str
    user_key: Path
    known_hosts: Path


def make_demo(directory: Path) -> Demo:
    """Fills the folder, which must be empty. Raises `NoGit`, and `Stop` where git does not work."""
    git = find_git(None, os.environ.get("PATH", os.defpath))
    make_repository(git, directory / "hello.git", _HELLO)
    make_repository(git, directory / "handbook.git", _HANDBOOK)
    keys = directory / "keys"
    keys.mkdir(mode=0o700)
    password = secrets.token_urlsafe(9)
    demo = Demo(
        directory=directory,
        password=password,
        host_key=keys / "host_key",
        host_public_key=_make_key(keys / "host_key"),
        user_key=keys / "demo_key",
        known_hosts=keys / "known_hosts",
    )
    set_password(directory / ".htpasswd", USER, password)
    (directory / ".rsakeys").write_text(f"{USER}: {_make_key(demo.user_key)}\n", encoding="ascii")
    (directory / ".repoperms").write_text(_RIGHTS, encoding="ascii")
    return demo


def free_ports() -> Ports:
    """The usual ports where they are free on the loopback address, and any free one (0) for each that is not."""
    return Ports(**dict(_free_ports()))


def _free_ports() -> Iterator[tuple[str, int]]:
    usual = Ports()
    for transport, port in (("ssh", usual.ssh), ("http", usual.http), ("git", usual.git)):
        with socket.socket() as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as the server does, so that the answer is the same
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                port = 0
        yield transport, port


def _make_key(path: Path) -> str:
    """Writes a new private key, for its owner only; returns the public one, as OpenSSH writes it."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
