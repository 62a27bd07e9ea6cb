"""The state of a repository, as far as git's answers to readers depend on it, from what the file system says of it.

git never writes a ref, a pack or its configuration in place: it writes a new file and renames it, so that the file's
inode and its folder's time change with each change. So to compare states is to compare a few `stat`s.
"""

import os
import stat
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

#: Inode, size and times of a file; None where there is none.
_Trace: TypeAlias = tuple[int, int, int, int] | None

_CONFIGURATION: Final = ("config", "config.worktree")
_FILES: Final = (
    "HEAD",
    "packed-refs",
    "reftable/tables.list",
    "shallow",
    "objects",
    "objects/pack",
    "objects/info/alternates",
    "info/grafts",
)

#: With more loose refs than this, to look at each costs as much as an answer.
_MOST_REFS: Final = 2000

#: Linux notes the time of a change in steps of up to 10 ms (a jiffy): what is younger may change again unnoticed.
_STEP_NS: Final = 20 * 10**6
#: Some file systems count in seconds, or in two.
_COARSE_STEP_NS: Final = 2 * 10**9

_SYSTEM_CONFIGURATION: Final = "/etc/gitconfig"


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """Two equal ones mean that git answers the same.

    `is_settled` is False while a change is so young that another one might go unnoticed: then, what is known now may
    be used now and not later.
    """

    traces: tuple[tuple[str, _Trace], ...]
    is_settled: bool = field(compare=False)


def configuration_of(directory: Path) -> RepositoryState | None:
    """What git's capabilities depend on, in the repository in `directory`; None where that cannot all be looked at.

    Reads the disk, and so does `state_of`: to be called in a thread.
    """
    traces = _configuration(directory)
    return None if traces is None else _state(traces)


def state_of(directory: Path) -> RepositoryState | None:
    """What git's answers to readers depend on; None where that is too much, or cannot all be looked at."""
    traces = _configuration(directory)
    if traces is None:
        return None
    traces.extend((name, _trace(f"{directory}/{name}")) for name in _FILES)
    return _state(traces) if _add_refs(f"{directory}/refs", traces) else None


def _configuration(directory: Path) -> list[tuple[str, _Trace]] | None:
    # A linked work tree has its refs elsewhere.
    if os.path.lexists(f"{directory}/commondir"):
        return None
    files = (*(f"{directory}/{name}" for name in _CONFIGURATION), _SYSTEM_CONFIGURATION)
    traces = [(path, _trace(path)) for path in files]
    if any(trace is not None and _includes_others(path, trace) for path, trace in traces):
        return None
    return traces


def _state(traces: list[tuple[str, _Trace]]) -> RepositoryState:
    newest = max((trace[-1] for _, trace in traces if trace is not None), default=0)
    step = _STEP_NS if newest % 10**9 else _COARSE_STEP_NS
    return RepositoryState(tuple(traces), time.time_ns() - newest > step)


def _add_refs(folder: str, traces: list[tuple[str, _Trace]]) -> bool:
    """Add `folder` and all below it; False where that is too much."""
    traces.append((folder, _trace(folder)))
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if len(traces) > _MOST_REFS:
                    return False
                if entry.is_dir():
                    if not _add_refs(entry.path, traces):
                        return False
                else:
                    traces.append((entry.path, _trace(entry.path)))
    except FileNotFoundError:
        pass  # it went away meanwhile, which its parent's time tells
    return True


def _trace(path: str) -> _Trace:
    try:
        found = os.stat(path)  # noqa: PTH116 # called for each of many refs
    except (FileNotFoundError, NotADirectoryError):
        return None
    # A folder's size says nothing.
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return (found.st_ino, size, found.st_mtime_ns, max(found.st_mtime_ns, found.st_ctime_ns))


@lru_cache(maxsize=1024)
def _includes_others(path: str, trace: tuple[int, int, int, int]) -> bool:
    """A configuration in this state includes other files."""
    return b"[include" in Path(path).read_bytes().lower()
