"""Who may log in: one user, with a password and a key."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import bcrypt

_BCRYPT_COST = 12


@dataclass(frozen=True, slots=True)
class Accounts:
    """The user, and the files that servers know them by."""

    user: str
    password: str
    htpasswd: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> "Accounts":
        """Files in `folder`."""
        user, password = "alice", "wonderland"
        htpasswd = folder / "users.htpasswd"
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_COST)).decode()
        # As Apache's htpasswd writes it, which every libcrypt reads.
        htpasswd.write_text(f"{user}:{hashed.replace('$2b$', '$2y$')}\n")
        keys = folder / "keys"
        keys.mkdir()
        make_key(keys / user)
        return cls(user, password, htpasswd, keys / user)


def make_key(path: Path) -> None:
    """A key for ssh at `path`, and its public half beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, capture_output=True)
