"""All that looks like a repository below a root."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gitgate.plugin import Missing
from gitgate_tree.names import Name, as_name
from gitgate_tree.recognise import looks_like_git_directory, stands
from gitgate_tree.tree import Tree

_MOST_ENTRIES: Final = 100_000

_log: Final = logging.getLogger(__name__)


def names_below(tree: Tree, *, most_entries: int = _MOST_ENTRIES) -> Iterator[Name]:
    """The name, without the prefix, of each place that may hold a repository; whether it does, `find` tells.

    The inside of repositories is not looked at, nor what a link inside the root leads to, which has a name of its own.
    A folder that cannot be read is left out, and after `most_entries` the rest is: both are logged. Raises OSError
    where the root itself cannot be read.
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
            _log.warning("%r: %s; its repositories are not listed", "/".join(folder), error.strerror)
            continue
        for entry in entries:
            if left == 0:
                _log.warning("%s holds more than %d entries; the rest is not listed", tree.root, most_entries)
                return
            left -= 1
            below = (*folder, entry)
            place = tree.root.joinpath(*below)
            if entry.startswith(".") or not _is_folder(place, tree, followed):
                continue
            if not looks_like_git_directory(place) and not stands(place / ".git"):
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
