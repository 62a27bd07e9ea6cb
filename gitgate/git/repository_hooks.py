"""A check that runs before a repository's own hooks, which all keep running.

Whether a push rewinds a branch can be told only with its objects there: when receive-pack has them in its quarantine
and runs `pre-receive`. So a push that may not rewind gets a `core.hooksPath` of ours: a folder in which hook_chain.sh
stands under the name of each hook that the repository has, and as `pre-receive`. It does what the repository's hook of
that name does, and as `pre-receive` makes the check before.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet.utils import getProcessOutputAndValue

from gitgate.git.command import GitCommand
from gitgate.git.push import PushTerms
from gitgate.plugin import Repository
from gitgate.reactor import Reactor
from gitgate.wire.printable import printable

_CHAIN: Final = Path(str(files("gitgate.git") / "hook_chain.sh"))

#: The hooks that git runs for a push (githooks(5)). One that a repository lacks is not there for git either: some mean
#: something by merely being there, and each that is there costs a process, for some of them at each ref.
_OF_A_PUSH: Final = (
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "proc-receive",
    "pre-auto-gc",
)

#: One variable of an environment holds less than this (MAX_ARG_STRLEN of Linux is 128 KiB).
_LONGEST_VARIABLE: Final = 100_000
#: All of them together; Linux allows 2 MiB, argv included.
_LONGEST_LIST: Final = 1_000_000


class HookFolders:
    """The folders for `core.hooksPath`, one for each set of hooks that some repository has. Made when first needed."""

    def __init__(self) -> None:
        self._top: Path | None = None

    def beside(self, command: GitCommand, hooks: Path, terms: PushTerms) -> GitCommand:
        """`command`, with the check of `terms` before the hooks in the folder `hooks`. Raises OSError."""
        names = [name for name in _OF_A_PUSH if os.access(hooks / name, os.X_OK)]
        command = command.configured("core.hooksPath", str(self._folder(names)))
        environment = {**command.environment, "GITGATE_HOOKS": str(hooks)}
        for number, refs in enumerate(_in_pieces(terms.forward_only)):
            environment[f"GITGATE_FORWARD_ONLY_{number}"] = refs
        return replace(command, environment=environment)

    def remove(self) -> None:
        """Remove them all."""
        if self._top is not None:
            shutil.rmtree(self._top, ignore_errors=True)
            self._top = None

    def _folder(self, names: list[str]) -> Path:
        if self._top is None or not self._top.is_dir():
            self._top = Path(tempfile.mkdtemp(prefix="gitgate-hooks-"))
        folder = self._top / "+".join(["pre-receive", *names])
        if not folder.is_dir():
            folder.mkdir()
            for name in ("pre-receive", *names):
                (folder / name).symlink_to(_CHAIN)
        return folder


async def hooks_of(command: GitCommand, repository: Repository, reactor: Reactor) -> Path:
    """The folder of the repository's own hooks, which its configuration may have put elsewhere. Raises OSError."""
    arguments = [f"--git-dir={repository.directory}", "rev-parse", "--path-format=absolute", "--git-path", "hooks"]
    out, err, code = await getProcessOutputAndValue(
        command.argv[0], arguments, dict(command.environment), reactor=cast(Any, reactor)
    )
    if code != 0:
        raise OSError(f"git does not say where the hooks of {repository.directory} are: {printable(err)}")
    return Path(os.fsdecode(out.removesuffix(b"\n")))


def _in_pieces(refs: tuple[str, ...]) -> Iterator[str]:
    if sum(map(len, refs)) > _LONGEST_LIST:
        raise OSError("more refs than can be checked in one push")
    piece = "\n"
    for ref in refs:
        if len(piece) + len(ref) > _LONGEST_VARIABLE:
            yield piece
            piece = "\n"
        piece += f"{ref}\n"
    yield piece
