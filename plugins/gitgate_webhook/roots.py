"""The folders in which a repository may be that the service names."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from gitgate.plugin import Missing, Repository
from gitgate_webhook.failures import BadReply
from gitgate_webhook.reply import NamedRepository

#: Of Twisted's ten threads, which look up names as well, a file system that hangs may take these.
_MOST_THREADS = 2


class Roots:
    """Finds what the service names, below one of these folders and nowhere else."""

    def __init__(self, roots: Sequence[Path], reactor: Any) -> None:
        self._roots = tuple(roots)
        self._reactor = reactor
        self._turns = DeferredSemaphore(_MOST_THREADS)

    async def find(self, named: NamedRepository) -> Repository | Missing:
        """The repository, at its real path; Missing where there is no such folder. Raises `BadReply`."""
        return await self._turns.run(
            deferToThreadPool, self._reactor, self._reactor.getThreadPool(), find_below, self._roots, named
        )


def find_below(roots: Sequence[Path], named: NamedRepository) -> Repository | Missing:
    """What `Roots.find` finds. Blocks."""
    if "\0" in named.directory or not Path(named.directory).is_absolute():
        raise BadReply(f"`repository.directory` must be an absolute path, not {named.directory!r}")
    # What is served is the path that was judged: a link that changes later leads nowhere else.
    directory = Path(os.path.realpath(named.directory))
    if not any(Path(os.path.realpath(root)) in directory.parents for root in roots):
        at = "" if str(directory) == named.directory else f", which is {str(directory)!r},"
        raise BadReply(f"`repository.directory` {named.directory!r}{at} is not below one of `roots`")
    try:
        repository = Repository(directory=directory, name=named.name, moved_to=named.moved_to)
    except ValueError as error:
        raise BadReply(f"`repository`: {error}") from None
    if not directory.is_dir():
        return Missing(f"the service says that it is {directory}, where there is no folder")
    return repository
