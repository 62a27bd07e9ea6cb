"""The git on this machine."""

import re
import shutil
import subprocess
from pathlib import Path

#: GIT_CONFIG_GLOBAL came with 2.32; with an older git the defaults of gitgate would not be read.
OLDEST = (2, 32)


class NoGit(Exception):
    """There is no git that gitgate can run; the message says what to do."""


def find_git(executable: Path | None, search_path: str) -> Path:
    """The absolute path of `executable`, or of the git on `search_path`. Raises `NoGit`. Runs `git --version` once."""
    found = shutil.which(str(executable or "git"), path=search_path)
    if found is None:
        raise NoGit(f"{executable or 'git'}: no such program; install git, or set git.executable")
    path = Path(found).absolute()
    try:
        printed = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise NoGit(f"{path} does not run: {error}") from error
    version = re.match(r"git version (\d+)\.(\d+)", printed)
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        raise NoGit(f"{path} is {printed.strip()!r}; gitgate needs git {OLDEST[0]}.{OLDEST[1]} or newer")
    return path
