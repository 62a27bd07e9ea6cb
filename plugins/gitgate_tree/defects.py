"""What is the matter with one repository, as far as its files tell. git is not asked: it may be about thousands."""

import os
import pwd
import re
import stat
import time
from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from gitgate_tree.recognise import stands

#: Whether the process may use a path in the ways that access(2) knows.
May: TypeAlias = Callable[[str, int], bool]

_LONGEST_PUSH_SECONDS: Final = 86_400
_LONGEST_ALTERNATES: Final = 1 << 16
_SYMBOLIC: Final = re.compile(rb"ref:[ \t\n\r]*(refs/[^\n\r]*)")

#: What git reads to serve a fetch; the first three are in every repository.
_READ: Final = ("HEAD", "objects", "refs", "config", "packed-refs", "objects/pack", "refs/heads", "reftable")


class Kind(Enum):
    """A kind of defect; the value goes on after "3 repositories"."""

    UNREADABLE = "cannot be read"
    UNWRITABLE = "cannot be pushed to, because of files that may not be written"
    LACKING = "cannot be served whole, as objects/info/alternates leads to nothing that can be read"
    BORROWING = "with objects from outside of the root (objects/info/alternates), which can be fetched as well"
    UNBORN_HEAD = "with a HEAD that names a branch that is not there, so that a clone checks nothing out"
    LEFTOVERS = (
        "with what pushes left behind that were killed (objects/tmp_objdir-*); git prune --expire=now removes it"
    )
    FOREIGN = "of another owner than the user who asks"

    @property
    def is_problem(self) -> bool:
        """Whether something does not work. The rest may be as it is meant to be."""
        return self in (Kind.UNREADABLE, Kind.UNWRITABLE, Kind.LACKING)


class Defect(NamedTuple):
    """One defect. `detail` tells where, or what: a path below the git directory, a branch, an owner."""

    kind: Kind
    detail: str


def may(path: str, mode: int) -> bool:
    """What access(2) says of this process."""
    return os.access(path, mode)


def defects(directory: Path, root: Path, user: int, may: May = may) -> Iterator[Defect]:
    """All that is the matter with the git directory `directory`, which is served from `root`; each kind once at most.

    What cannot be read is not looked into any further. Root is not told whose the files are: it may use all of them.
    """
    unreadable = next((path for path in _read_by_git(directory) if not may(path, _use(path))), None)
    if unreadable is not None:
        yield Defect(Kind.UNREADABLE, _within(directory, unreadable))
        return
    closed = next((path for path in _written_by_git(directory) if not may(path, os.W_OK | os.X_OK)), None)
    if closed is not None:
        yield Defect(Kind.UNWRITABLE, _within(directory, closed))
    yield from _alternates(directory, root, may)
    left = [entry for entry in _entries(directory / "objects") if _is_left_behind(entry)]
    if left:
        yield Defect(Kind.LEFTOVERS, f"{len(left)}")
    branch = _unborn_head(directory)
    if branch is not None:
        yield Defect(Kind.UNBORN_HEAD, branch)
    owner = directory.stat().st_uid
    if user not in (0, owner):
        yield Defect(Kind.FOREIGN, _user_name(owner))


def _read_by_git(directory: Path) -> Iterator[str]:
    yield str(directory)
    yield from (str(path) for name in _READ if (path := directory / name).exists())
    packs = _entries(directory / "objects" / "pack")
    yield from (entry.path for entry in packs if entry.name.endswith((".pack", ".idx")))


def _written_by_git(directory: Path) -> Iterator[str]:
    """The folders into which a push puts files. Their files are replaced, never written."""
    objects, refs = directory / "objects", directory / "refs"
    yield from (str(directory), str(objects), str(refs))
    yield from (entry.path for entry in _entries(objects) if len(entry.name) == 2 or entry.name == "pack")
    yield from (entry.path for entry in _entries(refs) if entry.is_dir())


def _alternates(directory: Path, root: Path, may: May) -> Iterator[Defect]:
    """gitrepository-layout(5), objects/info/alternates. Those of the other repository are not followed."""
    objects = directory / "objects"
    try:
        with _open(objects / "info" / "alternates") as file:
            lines = file.read(_LONGEST_ALTERNATES).splitlines()
    except FileNotFoundError:
        return
    except OSError:
        yield Defect(Kind.UNREADABLE, "objects/info/alternates")
        return
    others = [Path(os.path.realpath(objects / os.fsdecode(line))) for line in lines if line and line[:1] != b"#"]
    for other in others:
        if not other.is_dir() or not may(str(other), os.R_OK | os.X_OK):
            yield Defect(Kind.LACKING, str(other))
            break
    for other in others:
        if not other.is_relative_to(root):
            yield Defect(Kind.BORROWING, str(other))
            break


def _unborn_head(directory: Path) -> str | None:
    """The branch that HEAD names, where others are there and it is not. A new repository has none at all."""
    head = directory / "HEAD"
    if head.is_symlink():
        named = os.fsencode(head.readlink())
    else:
        with head.open("rb") as file:
            symbolic = _SYMBOLIC.match(file.read(1024))
        if symbolic is None:
            return None
        named = symbolic[1].rstrip()
    if stands(directory / "reftable") or stands(directory / os.fsdecode(named)):
        return None
    packed = directory / "packed-refs"
    if _has(packed, b" %b\n" % named):
        return None
    has_branches = _has(packed, b" refs/heads/") or any(files for _, _, files in os.walk(directory / "refs" / "heads"))
    return os.fsdecode(named) if has_branches else None


def _has(file: Path, part: bytes) -> bool:
    """Whether the file has these bytes. packed-refs may have some hundred thousand lines."""
    try:
        with _open(file) as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as content:
            return content.find(part) >= 0
    except (FileNotFoundError, ValueError):  # the latter for an empty file
        return False


def _open(file: Path) -> BinaryIO:
    """The file, opened to be read. What is no regular file is as good as none, and a fifo would be waited for."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(file)
    return os.fdopen(descriptor, "rb")


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    """In the order of their names. There may be 256 in each of thousands of repositories: a `Path` for each costs."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def _is_left_behind(entry: "os.DirEntry[str]") -> bool:
    """A quarantine of receive-pack (tmp-objdir.c), or what came before, that no push can be using any more."""
    try:
        return (
            entry.name.startswith(("tmp_objdir-", "incoming-"))
            and time.time() - entry.stat().st_mtime > _LONGEST_PUSH_SECONDS
        )
    except FileNotFoundError:
        return False


def _use(path: str) -> int:
    return os.R_OK | os.X_OK if Path(path).is_dir() else os.R_OK


def _within(directory: Path, path: str) -> str:
    return os.path.relpath(path, directory) if path != str(directory) else "the folder itself"


@lru_cache(maxsize=1000)
def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"
