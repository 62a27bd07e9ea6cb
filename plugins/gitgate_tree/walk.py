"""All that looks like a repository below a root."""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gitgate.plugin import Missing
from gitgate_tree.names import Name, as_name
from gitgate_tree.recognise import looks_like_git_directory, stands
from gitgate_tree.tree import Tree

_MOST_ENTRIES: Final = 100_000

#: fsck's, on the top of a file system, and closed to all but root. Nobody misses a repository there.
_LOST_AND_FOUND: Final = "lost+found"

_log: Final = logging.getLogger(__name__)


def names_below(
    tree: Tree, *, most_entries: int = _MOST_ENTRIES, left_out: Callable[[str], None] = _log.warning
) -> Iterator[Name]:
    """The name, without the prefix, of each place that may hold a repository; whether it does, `find` tells.

    The inside of repositories is not looked at, nor what a link inside the root leads to, which has a name of its own.
    A folder that cannot be read is left out, and after `most_entries` the rest is; `left_out` is told of both. Raises
    OSError where the root itself cannot be read.
    """
    left = most_entries
    waiting: list[Name] = [()]
    followed: set[str] = set()
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.listdir(tree.root.joinpath(*folder)))
        except OSError as error:
            if not folder:
                raise
            if folder[-1] != _LOST_AND_FOUND:
                left_out(f"{'/'.join(folder)!r}: {error.strerror}; its repositories are not listed")
            continue
        for entry in entries:
            if left == 0:
                left_out(f"{tree.root} holds more than {most_entries} entries; the rest is not listed")
                return
            left -= 1
            below = (*folder, entry)
            place = tree.root.joinpath(*below)
            if entry.startswith(".") or not _is_folder(place, tree, followed):
                continue
            try:
                is_repository = looks_like_git_directory(place) or stands(place / ".git")
            except OSError as error:
                if entry != _LOST_AND_FOUND:
                    left_out(f"{'/'.join(below)!r}: {error.strerror}; its repositories are not listed")
                continue
            if not is_repository:
                waiting.append(below)
            elif not isinstance(name := as_name(below), Missing):
                yield name


def _is_folder(place: Path, tree: Tree, followed: set[str]) -> bool:
    """Whether to look at `place`. `followed` are the folders that links have led to: each is entered once."""
    try:
        entry_type = stat.S_IFMT(place.lstat().st_mode)
        if entry_type != stat.S_IFLNK or not tree.allow_symlinks:
            return entry_type == stat.S_IFDIR
        real = os.path.realpath(place, strict=True)
        if real in followed or Path(real).is_relative_to(tree.root) or not stat.S_ISDIR(place.stat().st_mode):
            return False
    except OSError:
        return False
    followed.add(real)
    return True
