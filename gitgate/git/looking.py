"""Looks at repositories: on the reactor where that takes microseconds, and in a thread where it may take longer.

A trip to a thread and back takes longer than to look at a few files that the kernel has in memory. So where a look was
short, and at a disk of this machine, the next ones of the same kind at the same repository need no thread.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, cast

from cachetools import TTLCache

from gitgate.git.local_disk import are_local
from gitgate.git.repository_state import RepositoryState
from gitgate.reactor import Clock
from gitgate.worker_threads import ThreadsBusy, WorkerThreads

#: One of `gitgate.git.repository_state`.
Look: TypeAlias = Callable[[Path], RepositoryState | None]

#: A look at so many places takes a quarter of a millisecond.
_SHORT: Final = 64

#: File systems are mounted seldom.
_SECONDS_UNTIL_DISKS_CHANGE: Final = 60.0
_MOST: Final = 4096

#: What may lead elsewhere.
_LINKS: Final = (
    *("HEAD", "config", "packed-refs", "refs", "refs/heads", "refs/tags", "reftable", "info"),
    *("objects", "objects/pack", "objects/info"),
)


class Looker:
    """The states of repositories."""

    def __init__(self, threads: WorkerThreads, clock: Clock) -> None:
        self._threads = threads
        #: With the folders that the repository borrows from, which may be anywhere.
        self._short: TTLCache[tuple[Look, Path], tuple[str, ...]] = TTLCache(
            _MOST, _SECONDS_UNTIL_DISKS_CHANGE, timer=clock.seconds
        )

    async def look(self, look: Look, directory: Path) -> RepositoryState | None:
        """What `look` sees there; None where it cannot see everything, and git has to say what is wrong."""
        key = (look, directory)
        try:
            known = self._short.get(key)
            if known is not None:
                state = look(directory)
                if state is None or state.places > _SHORT or state.borrows_from != known:
                    self._short.pop(key, None)
                return state
            state, is_quick = cast(
                tuple[RepositoryState | None, bool], await self._threads.call(lambda: _look_around(look, directory))
            )
        except (OSError, ThreadsBusy):
            self._short.pop(key, None)
            return None
        if state is not None and is_quick:
            self._short[key] = state.borrows_from
        return state


def _look_around(look: Look, directory: Path) -> tuple[RepositoryState | None, bool]:
    """The state, and whether the next look will be short, and at disks of this machine."""
    state = look(directory)
    if state is None or state.places > _SHORT:
        return state, False
    return state, are_local(directory, *(directory / name for name in _LINKS), *map(Path, state.borrows_from))
