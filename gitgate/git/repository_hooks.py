"""A check that runs before a repository's own hooks, which all keep running.

Whether a push rewinds a branch can be told only with its objects there: when receive-pack has them in its quarantine
and runs `pre-receive`. So a push that may not rewind gets a `core.hooksPath` of ours: a folder in which hook_chain.sh
stands under the name of each hook that the repository has, and as `pre-receive`. It does what the repository's hook of
that name does, and as `pre-receive` makes the check before.
"""

import os
import shutil
import tempfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

from gitgate.git.command import GitCommand
from gitgate.git.output import output_of
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
    "post-index-change",
    "reference-transaction",
    "push-to-checkout",
    "proc-receive",
    "pre-auto-gc",
)


class HookFolder:
    """A folder for `core.hooksPath`, for one push. Raises OSError where it cannot do what it is for.

    For each push one of its own: a folder that is not used for days is emptied by whoever cleans temporary files, and
    what git does not find there it does not run.
    """

    def __init__(self, hooks: Path) -> None:
        """`hooks` is the folder of the repository's own."""
        self._hooks = hooks
        self._folder = Path(tempfile.mkdtemp(prefix="gitgate-hooks-"))
        try:
            for name in ("pre-receive", *(name for name in _OF_A_PUSH if os.access(hooks / name, os.X_OK))):
                (self._folder / name).symlink_to(_CHAIN)
            # A file system without exec, or an upgrade that took the script away: git would pass over it in silence.
            if not os.access(self._folder / "pre-receive", os.X_OK):
                raise PermissionError(f"{_CHAIN} cannot be executed")
        except OSError:
            self.remove()
            raise

    def into(self, command: GitCommand) -> GitCommand:
        """`command`, with the check before the repository's own hooks. Add no key behind this one: hook_chain.sh takes
        the last one away.
        """
        command = command.configured("core.hooksPath", str(self._folder))
        return replace(command, environment={**command.environment, "GITGATE_HOOKS": str(self._hooks)})

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self._folder, ignore_errors=True)


async def hooks_of(command: GitCommand, repository: Repository, reactor: Reactor) -> Path:
    """The folder of the repository's own hooks, which its configuration may have put elsewhere. Raises OSError."""
    # receive-pack goes into the repository first, and a relative core.hooksPath starts from there.
    arguments = ["-C", str(repository.directory), "--git-dir=.", "rev-parse", "--path-format=absolute"]
    said = await output_of(command, [*arguments, "--git-path", "hooks"], reactor)
    if said.code != 0:
        raise OSError(f"git does not say where the hooks of {repository.directory} are: {printable(said.err)}")
    return Path(os.fsdecode(said.out.removesuffix(b"\n")))
