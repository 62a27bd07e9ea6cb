"""Where gitgate keeps what it makes itself, such as host keys."""

from collections.abc import Mapping
from pathlib import Path


def state_directory(environ: Mapping[str, str]) -> Path:
    """The folder for files that outlive the process. It need not exist yet.

    `$STATE_DIRECTORY` is set by systemd's `StateDirectory=` (systemd.exec(5)) and may name several, the first of
    which is used; `$XDG_STATE_HOME` is a user's own choice (XDG Base Directory Specification), and what is not absolute
    there is to be ignored.
    """
    from_systemd = environ.get("STATE_DIRECTORY", "").split(":")[0]
    if from_systemd.startswith("/"):
        return Path(from_systemd)
    from_user = environ.get("XDG_STATE_HOME", "")
    if from_user.startswith("/"):
        return Path(from_user, "gitgate")
    return Path(environ.get("HOME") or Path.home(), ".local/state/gitgate").absolute()


def default_host_keys(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The ssh host keys of a listener that names none: ed25519, and RSA for clients that know nothing newer."""
    state = state_directory(environ)
    return (state / "ssh_host_ed25519_key", state / "ssh_host_rsa_key")
