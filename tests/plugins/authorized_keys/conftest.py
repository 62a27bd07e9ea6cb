"""Keys that ssh-keygen made, clocks that a test moves, and plugins on files in a temporary folder."""

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from gitgate_authorized_keys import AuthorizedKeysPlugin, Settings
from hand_clock import HandClock

from gitgate.plugin import Peer, PublicKey, Transport


@dataclass(frozen=True)
class Key:
    """One public key, as text and as a client presents it."""

    type: str
    text: str

    @property
    def line(self) -> str:
        return f"{self.type} {self.text}"

    @property
    def blob(self) -> bytes:
        return base64.b64decode(self.text)

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def offered_as(self, username: str, *, verified: bool = True) -> PublicKey:
        return PublicKey(
            username=username, algorithm=self.type, blob=self.blob, fingerprint=self.fingerprint, verified=verified
        )


def pack(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def key_of(*fields: bytes) -> Key:
    return Key(fields[0].decode(), base64.b64encode(pack(*fields)).decode())


@pytest.fixture(name="pack", scope="session")
def _pack() -> Callable[..., bytes]:
    """Strings as they follow each other in a blob: RFC 4251 section 5."""
    return pack


@pytest.fixture(name="key_of", scope="session")
def _key_of() -> Callable[..., Key]:
    """Makes a key from the fields of its blob; the first is the type."""
    return key_of


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Key]:
    """One key of each type, under a short name, and two ed25519 keys more. Real ones where no hardware is needed."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed (Debian: openssh-client)")
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, Key] = {}
    for name, options in {
        "ed25519": ("-t", "ed25519"),
        "second": ("-t", "ed25519"),
        "third": ("-t", "ed25519"),
        "p256": ("-t", "ecdsa", "-b", "256"),
        "p384": ("-t", "ecdsa", "-b", "384"),
        "p521": ("-t", "ecdsa", "-b", "521"),
        "rsa": ("-t", "rsa", "-b", "1024"),
    }.items():
        command = ["ssh-keygen", "-q", *options, "-N", "", "-C", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        made[name] = Key(*(folder / f"{name}.pub").read_text().split())
    # A security key's halves are those of an ordinary key, followed by the name of the application.
    ed25519_point = made["ed25519"].blob[-32:]
    p256_point = made["p256"].blob[-65:]
    made["sk-ed25519"] = key_of(b"sk-ssh-ed25519@openssh.com", ed25519_point, b"ssh:")
    made["sk-p256"] = key_of(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", p256_point, b"ssh:")
    return made


@pytest.fixture
def clock() -> HandClock:
    return HandClock(1000.0)


@pytest.fixture
def wall_clock() -> HandClock:
    """Stands at 2025-06-15 12:00:00 UTC."""
    return HandClock(1_749_988_800.0)


@pytest.fixture
def peer() -> Peer:
    return Peer(transport=Transport.SSH, address="192.0.2.7", port=50123, encrypted=True)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "users.keys"


@pytest.fixture
def plugin_on(key_file: Path, clock: HandClock, wall_clock: HandClock) -> Callable[..., AuthorizedKeysPlugin]:
    """Makes a plugin on a file with these lines, and further settings."""

    def make(lines: Iterable[str], **settings: object) -> AuthorizedKeysPlugin:
        key_file.write_text("".join(f"{line}\n" for line in lines))
        return AuthorizedKeysPlugin(
            Settings(file=key_file, **settings),  # type: ignore[arg-type]
            wall_clock=wall_clock,
            clock=clock,
        )

    return make


@pytest.fixture
def plugin_on_folder(tmp_path: Path, clock: HandClock) -> Callable[..., AuthorizedKeysPlugin]:
    """Makes a plugin on a folder `keys.d` with these files, and further settings."""

    def make(files: dict[str, str], **settings: object) -> AuthorizedKeysPlugin:
        folder = tmp_path / "keys.d"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        return AuthorizedKeysPlugin(Settings(directory=folder, **settings), clock=clock)  # type: ignore[arg-type]

    return make
