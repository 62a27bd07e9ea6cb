"""Makes bare repositories, for a person who has none yet."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitgate.cli.stops import Unavailable

BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that writes one file."""

    message: str
    file: str
    content: str


def make_repository(git: Path, directory: Path, commits: Sequence[Commit] = ()) -> None:
    """An empty bare repository, or one with these commits on `main`. Raises `Stop` where git cannot."""
    _run([git, "init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}", directory])
    if commits:
        _run([git, f"--git-dir={directory}", "fast-import", "--quiet", "--date-format=now"], _stream(commits))


def _stream(commits: Sequence[Commit]) -> bytes:
    """The commits as git-fast-import(1) reads them."""
    return b"".join(
        b"commit refs/heads/%b\ncommitter gitgate <gitgate@localhost> now\n%b"
        % (BRANCH.encode(), _data(commit.message))
        + b"M 100644 inline %b\n%b" % (commit.file.encode(), _data(commit.content))
        for commit in commits
    )


def _data(text: str) -> bytes:
    encoded = text.encode()
    return b"data %d\n%b\n" % (len(encoded), encoded)


def _run(command: Sequence[str | Path], given: bytes = b"") -> None:
    # Neither the user's settings nor the variables of a hook or a shell decide what is made.
    environ = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    ran = subprocess.run(  # noqa: S603 - the git that was found, and paths of ours
        command,
        input=given,
        capture_output=True,
        env={**environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"},
    )
    if ran.returncode != 0:
        said = ran.stderr.decode(errors="replace").strip()
        raise Unavailable(f"gitgate: git made no repository: {said}")
