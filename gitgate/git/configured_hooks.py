"""Hooks that a repository's configuration defines, with the commands that they run (git-hook(1), since git 2.54)."""

import os
from typing import Final

from gitgate.git.command import GitCommand
from gitgate.git.output import output_of
from gitgate.plugin import Repository
from gitgate.reactor import Reactor
from gitgate.wire.printable import printable

_NO_SUCH_KEYS: Final = 1

#: Where the operator's own hooks are: `git.config` of gitgate.yaml.
_OF_OPERATOR: Final = "command"


async def without_configured_hooks(command: GitCommand, repository: Repository, reactor: Reactor) -> GitCommand:
    """`command`, with each hook switched off that the repository's configuration names. Raises OSError.

    `core.hooksPath` says nothing about these. git has no switch for all of them either: `hook.<event>.enabled` does not
    count where the repository has a hook whose name is that of the event. So they are switched off one by one.
    """
    arguments = ["-C", str(repository.directory), "--git-dir=.", "config", "--includes", "--show-scope", "--name-only"]
    read = await output_of(command, [*arguments, "-z", "--get-regexp", r"^hook\."], reactor)
    if read.code not in (0, _NO_SUCH_KEYS):
        raise OSError(f"git does not say which hooks {repository.directory} configures: {printable(read.err)}")
    scopes_and_keys = [os.fsdecode(field) for field in read.out.split(b"\0")]
    names, ours = set(), set()
    for scope, key in zip(scopes_and_keys[::2], scopes_and_keys[1::2], strict=False):
        name, _, variable = key.removeprefix("hook.").rpartition(".")
        if scope != _OF_OPERATOR:
            names.add(name)
        elif variable == "command":
            ours.add(name)
    for name in sorted(names - ours - {""}):
        command = command.configured(f"hook.{name}.enabled", "false")
    return command
