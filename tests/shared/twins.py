"""Twins: a git command that reads from a server is accompanied by another one that asks the same, and gets the same.

GITGATE_TEST_READS=warm runs the twin before, so that the server can answer from what it has kept; `together` runs both
at once, so that they share an answer which is still being made. Without it there are no twins. Journeys that count what
reaches the server have none either (`no_twins`), nor has what runs in the background, which is killed or stopped there.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from holdings import assert_whole, holdings

Ran: TypeAlias = "subprocess.CompletedProcess[str]"


class Reads(Enum):
    """When a twin runs."""

    ALONE = ""
    WARM = "warm"
    TOGETHER = "together"


_VARIABLE = "GITGATE_TEST_READS"

try:
    #: As the environment has it, for the whole run.
    READS = Reads(os.environ.get(_VARIABLE, ""))
except ValueError:
    raise ValueError(f"{_VARIABLE} is {os.environ[_VARIABLE]!r}; it can be warm, together, or not set") from None

#: gitgate keeps no answer about a repository that has changed in the last 20 ms.
_SETTLED_SECONDS = 0.03

_is_forbidden = False


def forbid(reason: str | None) -> None:
    """From now on no command has a twin, for this reason; None: they have."""
    global _is_forbidden
    _is_forbidden = reason is not None


@dataclass(frozen=True)
class Command:
    """git, as somebody runs it."""

    arguments: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]
    seconds: float

    def run(self) -> Ran:
        """Raises TimeoutExpired."""
        return subprocess.run(
            ["git", *self.arguments],
            cwd=self.cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=self.seconds,
            check=False,
        )

    @property
    def name(self) -> str:
        return self.arguments[0]

    @property
    def reads_from_server(self) -> bool:
        if self.name == "clone":
            return any("://" in argument and not argument.startswith("file:") for argument in self.arguments)
        # Another folder as the remote is one of this machine. A configured one is looked up by git alone.
        return self.name in ("fetch", "pull", "ls-remote") and not any(
            argument.startswith(("/", "file:")) for argument in self.arguments
        )


def run(command: Command) -> Ran:
    """Runs it, with its twin where it is to have one, and compares what they got; returns what it ended with itself."""
    if READS is Reads.ALONE or _is_forbidden or not command.reads_from_server:
        return command.run()
    with tempfile.TemporaryDirectory(prefix="twin-") as folder:
        twin = _twin_of(command, Path(folder))
        time.sleep(_SETTLED_SECONDS)
        if READS is Reads.WARM:
            other = twin.run()
            ran = command.run()
        else:
            with ThreadPoolExecutor(1) as thread:
                running = thread.submit(twin.run)
                ran = command.run()
                other = running.result()
        if ran.returncode >= 0:  # who was killed got less
            _compare(command, ran, twin, other)
        return ran


def _twin_of(command: Command, folder: Path) -> Command:
    """The same in `folder`: with its own clone, or in a copy of the repository."""
    if command.name == "clone":
        target = command.arguments[-1]
        return replace(
            command,
            arguments=(*command.arguments[:-1], str(folder / "twin")) if target.startswith("/") else command.arguments,
            cwd=folder,
        )
    if command.name == "ls-remote":
        return command
    assert (command.cwd / ".git").is_dir() or (command.cwd / "HEAD").is_file(), f"no repository: {command}"
    return replace(command, cwd=Path(shutil.copytree(command.cwd, folder / "twin", symlinks=True)))


def _compare(command: Command, ran: Ran, twin: Command, other: Ran) -> None:
    mine, its = ran.stdout + ran.stderr, other.stdout + other.stderr
    told = f"git {command.arguments} and its twin ended differently:\n{mine}\nThe twin:\n{its}"
    assert ran.returncode == other.returncode, told
    if ran.returncode != 0:
        # A trace has times and ports in it.
        if not any(name.startswith(("GIT_TRACE", "GIT_CURL_VERBOSE")) for name in command.environment):
            assert _what_both_print(mine, command) == _what_both_print(its, twin), told
    elif command.name == "ls-remote":
        assert ran.stdout == other.stdout, told
    else:
        repository = _repository(command, twin)
        assert holdings(repository) == holdings(_its_repository(twin))
        assert_whole(repository)


def _its_repository(twin: Command) -> Path:
    """A clone is all that is in the twin's folder."""
    if twin.name != "clone":
        return twin.cwd
    (only,) = twin.cwd.iterdir()
    return only


def _repository(command: Command, twin: Command) -> Path:
    if command.name != "clone":
        return command.cwd
    target = command.arguments[-1]
    return Path(target) if target.startswith("/") else command.cwd / _its_repository(twin).name


def _what_both_print(printed: str, command: Command) -> list[str]:
    """Lines without the id of the request and the place of the clone, in any order: git and ssh print at once."""
    target = command.arguments[-1]
    if command.name == "clone" and target.startswith("/"):
        printed = printed.replace(target, "TARGET")
    return sorted(re.sub(r"\bid [0-9a-f]{10}\b", "id", printed).splitlines())
