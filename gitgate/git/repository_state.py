"""The state of a repository, as far as git's answers to readers depend on it, from what the file system says of it.

git never writes a ref, an object or its configuration in place: it writes a new file and renames it, so that the file's
inode and its folder's time change with each change. So to compare states is to compare a few `stat`s.
"""

import errno
import hashlib
import marshal
import os
import stat
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
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
    "info/grafts",
)

#: Besides "pack", the folders of loose objects, which are called as the names of their objects begin.
_LOOSE_LENGTH: Final = 2

#: A repository's own, and those it borrows from (gitrepository-layout(5), "objects/info/alternates").
_MOST_OBJECT_FOLDERS: Final = 6

#: With more loose refs than this, to look at each costs as much as an answer.
_MOST_REFS: Final = 2000

#: Of what is read and not only looked at: a configuration, or the names of the folders to borrow from.
_LONGEST_READ: Final = 2**20

#: Linux notes the time of a change in steps of up to 10 ms (a jiffy): what is younger may change again unnoticed.
_STEP_NS: Final = 20 * 10**6
#: Some file systems count in seconds, or in two.
_COARSE_STEP_NS: Final = 2 * 10**9

_SYSTEM_CONFIGURATION: Final = "/etc/gitconfig"


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """Two equal ones mean that git answers the same.

    `is_settled` is False while a change is so young that another one might go unnoticed: then, what is known now may
    be used now and not later. `pack_bytes` is the size of its packs, and so of what it is to be cloned, about; 0 where
    objects were not looked at. `places` is how many files and folders were looked at;
    `borrows_from` are the folders of objects, of those, that are not the repository's own.
    """

    digest: bytes
    is_settled: bool = field(compare=False)
    pack_bytes: int = field(compare=False, default=0)
    places: int = field(compare=False, default=0)
    borrows_from: tuple[str, ...] = field(compare=False, default=())


def configuration_of(directory: Path) -> RepositoryState | None:
    """What git's capabilities depend on, in the repository in `directory`; None where that cannot all be looked at.

    Looks at the disk, and so do the others: where that may take its time, they are to be called in a thread.
    """
    traces = _configuration(directory)
    return None if traces is None else _state(traces)


def state_of_refs(directory: Path) -> RepositoryState | None:
    """What a list of refs depends on; None where that is too much, or cannot all be looked at."""
    traces = _configuration(directory)
    return _state(traces) if traces is not None and _add_refs(str(directory), traces) else None


def state_of(directory: Path) -> RepositoryState | None:
    """What all answers to readers depend on: an object can be asked for by its name, too."""
    traces = _configuration(directory)
    if traces is None or not _add_refs(str(directory), traces):
        return None
    packs: list[int] = []
    folders = _add_objects(f"{directory}/objects", traces, packs)
    if folders is None:
        return None
    return replace(
        _state(traces), pack_bytes=sum(packs), places=len(traces) + len(packs), borrows_from=tuple(folders[1:])
    )


def _configuration(directory: Path) -> list[tuple[str, _Trace]] | None:
    # A linked work tree has its refs elsewhere, and what is no git directory leads to one (gitrepository-layout(5)).
    if os.path.lexists(f"{directory}/commondir") or not os.path.lexists(f"{directory}/HEAD"):
        return None
    files = (*(f"{directory}/{name}" for name in _CONFIGURATION), _SYSTEM_CONFIGURATION)
    traces = [(path, _trace(path)) for path in files]
    if any(trace is not None and _includes_others(path, trace) for path, trace in traces):
        return None
    return traces


def _state(traces: list[tuple[str, _Trace]]) -> RepositoryState:
    newest = max((trace[-1] for _, trace in traces if trace is not None), default=0)
    step = _STEP_NS if newest % 10**9 else _COARSE_STEP_NS
    # In this version, equal values are equal bytes. They are many, and the digest is kept with each answer.
    digest = hashlib.sha256(marshal.dumps(traces, 2)).digest()
    return RepositoryState(digest, time.time_ns() - newest > step, places=len(traces))


def _add_refs(directory: str, traces: list[tuple[str, _Trace]]) -> bool:
    """Add all that refs are read from; False where that is too much."""
    traces.extend((name, _trace(f"{directory}/{name}")) for name in _FILES)
    folders = [f"{directory}/refs"]
    while folders:
        folder = folders.pop()
        traces.append((folder, _trace(folder)))
        try:
            with os.scandir(folder) as entries:
                found = sorted(islice(entries, _MOST_REFS + 1), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue  # it went away meanwhile, which its parent's time tells
        if len(traces) + len(folders) + len(found) > _MOST_REFS:
            return False
        for entry in found:
            if entry.is_dir():
                folders.append(entry.path)
            else:
                traces.append((entry.path, _trace(entry.path)))
    return True


def _add_objects(folder: str, traces: list[tuple[str, _Trace]], packs: list[int]) -> list[str] | None:
    """Add the places where objects are, there and in the alternates, and how long each pack is. Returns the folders;
    None where they are too many.
    """
    folders = [folder]
    for folder in folders:  # which grows meanwhile
        if len(folders) > _MOST_OBJECT_FOLDERS:
            return None
        traces.append((folder, _trace(folder)))
        if traces[-1][1] is not None:
            names = sorted(name for name in os.listdir(folder) if len(name) == _LOOSE_LENGTH or name == "pack")
            traces.extend((name, _trace(f"{folder}/{name}")) for name in names)
            packs += _packs(f"{folder}/pack")
        alternates = f"{folder}/info/alternates"
        trace = _trace(alternates)
        traces.append((alternates, trace))
        if trace is not None:
            folders.extend(os.path.join(folder, named) for named in _alternates(alternates, trace))  # noqa: PTH118
    return None if len(folders) > _MOST_OBJECT_FOLDERS else folders


def _packs(folder: str) -> list[int]:
    try:
        with os.scandir(folder) as entries:
            return [entry.stat().st_size for entry in entries if entry.name.endswith(".pack")]
    except FileNotFoundError:
        return []


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
    return b"[include" in _content(path).lower()


@lru_cache(maxsize=1024)
def _alternates(path: str, trace: tuple[int, int, int, int]) -> tuple[str, ...]:
    """The folders that are named there. Raises OSError for a name in quotes, which git unquotes, or with a NUL."""
    lines = os.fsdecode(_content(path)).split("\n")
    if any(line.startswith('"') or "\0" in line for line in lines):
        raise OSError(errno.EINVAL, "a name in quotes, or with a NUL", path)
    return tuple(line for line in lines if line and not line.startswith("#"))


def _content(path: str) -> bytes:
    """What stands there, without waiting for the writer of a pipe. Raises OSError where it is too long to be read."""
    with open(path, "rb", opener=_open_at_once) as file:  # Path.open has no opener
        content = file.read(_LONGEST_READ + 1)
    if content is None:
        raise OSError(errno.EAGAIN, "a pipe, and nothing in it", path)
    if len(content) > _LONGEST_READ:
        raise OSError(errno.EFBIG, f"longer than {_LONGEST_READ} bytes", path)
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
