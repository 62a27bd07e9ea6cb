"""A plugin over files in a temporary folder, with a clock that tests move."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_htpasswd import HtpasswdPlugin, HtpasswdSettings
from hand_clock import HandClock
from hooks import answered

from gitgate.plugin import Identity, Password, Peer, Rejected, Transport


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def advance(clock: HandClock) -> Callable[[float], None]:
    return clock.advance


@pytest.fixture
def peer() -> Peer:
    return Peer(transport=Transport.HTTPS, address="192.0.2.7", port=50000, encrypted=True)


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    return tmp_path / "users.htpasswd"


@pytest.fixture
def groups_file(tmp_path: Path) -> Path:
    return tmp_path / "users.groups"


@pytest.fixture
def load(users_file: Path, groups_file: Path, clock: HandClock) -> Callable[..., HtpasswdPlugin]:
    """The plugin over a password file with this content, and a group file where its content is given."""

    def load(users: str | bytes, groups: str | bytes | None = None) -> HtpasswdPlugin:
        users_file.write_bytes(users.encode() if isinstance(users, str) else users)
        if groups is None:
            return HtpasswdPlugin(HtpasswdSettings(file=users_file), clock=clock)
        groups_file.write_bytes(groups.encode() if isinstance(groups, str) else groups)
        return HtpasswdPlugin(HtpasswdSettings(file=users_file, groups=groups_file), clock=clock)

    return load


@pytest.fixture
def log_in(peer: Peer) -> Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]:
    def log_in(plugin: HtpasswdPlugin, username: str, password: str) -> Identity | Rejected | None:
        return answered(plugin.authenticate(Password(username=username, password=password), peer))

    return log_in


@pytest.fixture
def htpasswd(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs Apache's own `htpasswd` with these arguments."""
    program = shutil.which("htpasswd")
    if program is None:
        pytest.skip("needs apache2-utils")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
        )

    return run
