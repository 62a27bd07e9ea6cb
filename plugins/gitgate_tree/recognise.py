"""What git would serve from a directory, seen with our own eyes before git is asked.

git helps itself generously: given `x`, its enter_repo tries `x/.git`, `x`, `x.git/.git` and `x.git`, follows a `.git`
that is a file to wherever it points, and takes refs and objects from where a `commondir` file points. Each of these
would serve another repository than the one that was authorized, so only directories that leave git no choice are
recognised here, by the tests of git's own setup.c (is_git_directory, validate_headref).
"""

import re
import stat
from errno import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from pathlib import Path
from typing import Final

from gitgate.plugin import Missing

#: What the system says of a path that leads nowhere. Every other error is an outage, and no answer.
NOT_THERE: Final = frozenset({ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG})

#: What `file_type` says where nothing stands.
NOTHING: Final = 0
_HEAD: Final = re.compile(rb"ref:[ \t\n\r]*refs/|[0-9a-fA-F]{40}")


def repository_at(place: Path, *, follow_links: bool) -> Path | Missing | None:
    """The git directory of the repository that stands at `place`: `place` itself if it is bare, else its `.git`.

    `Missing`: something is there that is not served. None: nothing that looks like a repository. `follow_links` says
    whether `objects` and `refs` may be symbolic links. Raises OSError where the system cannot tell.
    """
    child = place / ".git"
    child_type = file_type(child)
    if child_type == NOTHING:
        return _git_directory(place, follow_links=follow_links)
    if looks_like_git_directory(place):
        return Missing(f"{place} is a bare repository with a .git inside, which git would serve instead")
    if child_type == stat.S_IFREG:
        return Missing(f"{child} is a file (a linked work tree or a submodule), which is not followed")
    if stands(child / ".git"):
        return Missing(f"{child} has a .git inside, which git would serve instead")
    return _git_directory(child, follow_links=follow_links)


def looks_like_git_directory(directory: Path) -> bool:
    """Whether git might have made `directory`, even if it is too broken to be served."""
    return stands(directory / "HEAD") and stands(directory / "objects")


def is_exported(directory: Path) -> bool:
    """Whether the operator has marked the git directory for export, as git-daemon(1) asks for it."""
    try:
        (directory / "git-daemon-export-ok").stat()
    except OSError as error:
        if error.errno in NOT_THERE:
            return False
        raise
    return True


def stands(path: Path) -> bool:
    """Whether anything stands at `path`, be it a symbolic link that leads nowhere."""
    return file_type(path) != NOTHING


def file_type(path: Path) -> int:
    """The S_IFMT of what stands at `path` (of the link itself, where it is one), or NOTHING."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except OSError as error:
        if error.errno in NOT_THERE:
            return NOTHING
        raise


def _git_directory(directory: Path, *, follow_links: bool) -> Path | Missing | None:
    head_type = file_type(directory / "HEAD")
    if head_type == NOTHING:
        return None
    for name in ("objects", "refs"):
        entry = directory / name
        entry_type = file_type(entry)
        if entry_type == stat.S_IFLNK and not follow_links:
            # Perhaps to another repository's objects, which would be served under a name that other rules are about.
            return Missing(f"{entry} is a symbolic link, which allow_symlinks would follow")
        if entry_type != stat.S_IFDIR and not entry.is_dir():
            return Missing(f"{directory} is no repository: it has HEAD, but no directory {name}")
    if stands(directory / "commondir"):
        return Missing(f"{directory} has a commondir file: git would serve the repository that it points to")
    if not _is_head(directory / "HEAD", head_type):
        # git would not take this directory either, and would go on to the next of its guesses.
        return Missing(f"{directory} is no repository: its HEAD names neither a ref nor an object")
    return directory


def _is_head(head: Path, head_type: int) -> bool:
    if head_type == stat.S_IFLNK:  # as git made them until 2005; the branch need not exist yet
        return str(head.readlink()).startswith("refs/")
    if head_type != stat.S_IFREG:  # to open a fifo would wait for its other end
        return False
    with head.open("rb") as file:
        return _HEAD.match(file.read(256)) is not None
