"""One folder of repositories: which one a name leads to, and where a new one may be put."""

import os
import stat
from pathlib import Path

from gitgate.plugin import Missing, Repository
from gitgate_tree.names import Name, as_name
from gitgate_tree.recognise import (
    NOT_THERE,
    NOTHING,
    file_type,
    is_exported,
    looks_like_git_directory,
    repository_at,
    stands,
)


class Tree:
    """The repositories below `root`, which must be a real path: absolute, and without symbolic links.

    The repository called `team/app` stands in one of two places, `team/app.git` or `team/app`, and in either it is bare
    or has a work tree. Whichever it is, it is asked for as `/team/app` or as `/team/app.git`, and called `team/app`,
    after the tree's `prefix`. Where both places hold a repository, neither is served: they would share a name, and with
    it each other's rights.

    What is not served: a path with a segment that starts with "."; the inside of a git directory or of a work tree,
    where those who push decide what stands there; a `.git` that is a file; a directory from which git would serve
    another repository (see `recognise`); with `export_ok`, what nobody has marked for export.

    A symbolic link inside the root is another way to ask for the repository that it leads to, which keeps its name:
    a link gives nobody a way around the rules. With `allow_symlinks`, a link may leave the root; what it leads to is
    called by the path through the link.

    The answer is true when it is given. Whoever can write in the root can change it afterwards, so that must be the
    operator alone. The file system must tell upper from lower case: on one that does not, each spelling of a path finds
    the repository under a name of its own, and rules that deny it by name do not hold.
    """

    def __init__(self, root: Path, *, prefix: Name = (), allow_symlinks: bool = False, export_ok: bool = False) -> None:
        self.root = root
        self.prefix = prefix
        self.allow_symlinks = allow_symlinks
        self._export_ok = export_ok

    def find(self, below: Name) -> Repository | Missing:
        """The repository called `below`, after the prefix. Raises OSError where the system cannot tell."""
        found = self._look(below)
        if isinstance(found, Missing):
            return found
        try:
            real = Path(os.path.realpath(found, strict=True))
        except OSError as error:
            if error.errno in NOT_THERE:
                return Missing(f"{found} went away while it was looked at")
            raise
        if real == found:
            return self._repository(real, below)
        if real.is_relative_to(self.root):
            return self.find_without_links(real)
        if self.allow_symlinks:
            return self._repository(real, below)
        return Missing(f"{found} leaves the root through a symbolic link, which allow_symlinks would follow")

    def find_without_links(self, real: Path) -> Repository | Missing:
        """The repository whose git directory is `real`, judged as if it had been asked for by its own path."""
        segments = real.relative_to(self.root).parts
        own = as_name(segments[:-1] if segments[-1:] == (".git",) else segments)
        if isinstance(own, Missing):
            return own
        found = self._look(own)
        if isinstance(found, Missing):
            return found
        return self._repository(found, own)

    def place_for_new(self, below: Name) -> Path | Missing:
        """Where to make the bare repository called `below`, if nothing is in its way; symbolic links always are."""
        folder = self.root
        for segment in below[:-1]:
            folder = folder / segment
            folder_type = file_type(folder)
            if folder_type == NOTHING:
                break  # and so there is nothing below it either
            if folder_type != stat.S_IFDIR:
                return Missing(f"{folder} is not a folder, and nothing is made in it")
            if inside := _inside_of(folder):
                return inside
        beside = self.root.joinpath(*below)
        place = beside.with_name(f"{below[-1]}.git")
        if stands(place):
            return Missing(f"{place} is in the way")
        # A plain folder may stand beside a repository of the same name.
        if stands(beside) and (file_type(beside) != stat.S_IFDIR or _inside_of(beside)):
            return Missing(f"{beside} is in the way")
        return place

    def _look(self, name: Name) -> Path | Missing:
        """The git directory of the repository called `name`, symbolic links not yet judged."""
        folder = self.root
        for segment in name[:-1]:
            folder = folder / segment
            if not stands(folder):
                return self._nothing_at(folder)
            if inside := _inside_of(folder):
                return inside
        places = (folder / f"{name[-1]}.git", folder / name[-1])
        answers = [repository_at(place, follow_links=self.allow_symlinks) for place in places]
        match [answer for answer in answers if isinstance(answer, Path)]:
            case [found]:
                return found
            case [_, _]:
                return Missing(f"{places[0]} and {places[1]} are both repositories, and would share a name; rename one")
        for refused in answers:
            if isinstance(refused, Missing):
                return refused
        return self._nothing_at(places[1])

    def _repository(self, directory: Path, below: Name) -> Repository | Missing:
        if self._export_ok and not is_exported(directory):
            return Missing(f"{directory} has no file git-daemon-export-ok, and export_ok wants one")
        return Repository(directory=directory, name="/".join((*self.prefix, *below)))

    def _nothing_at(self, place: Path) -> Missing:
        # A root that is gone (a file system not mounted, say) is an outage, and no reason to call anything missing.
        self.root.stat()
        return Missing(f"no repository at {place}")


def _inside_of(folder: Path) -> Missing | None:
    """Why nothing inside `folder` is served, where it is a git directory or a work tree."""
    if looks_like_git_directory(folder):
        return Missing(f"{folder} is a git directory, and nothing inside it is served")
    if stands(folder / ".git"):
        return Missing(f"{folder} is a work tree, and nothing inside it is served")
    return None
