"""One folder of repositories: which one a path leads to, and what it is called."""

import os
import re
from pathlib import Path
from typing import Final

from gitgate.plugin import Missing, Repository
from gitgate_tree.recognise import NOT_THERE, looks_like_git_directory, repository_at, stands

#: Control characters, and what is no character at all: a name that holds one cannot be written in a rule or a log.
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Tree:
    """The repositories below `root`, which must be a real path: absolute, and without symbolic links.

    The repository called `team/app` stands in one of two places, `team/app.git` or `team/app`, and in either it is bare
    or has a work tree. Whichever it is, it is asked for as `/team/app` or as `/team/app.git`, and called `team/app`.
    Where both places hold a repository, neither is served: they would share a name, and with it each other's rights.

    What is not served: a path with a segment that starts with "."; the inside of a git directory or of a work tree,
    where those who push decide what stands there; a `.git` that is a file; a directory from which git would serve
    another repository (see `recognise`).

    A symbolic link inside the root is another way to ask for the repository that it leads to, which keeps its name:
    a link gives nobody a way around the rules. With `allow_symlinks`, a link may leave the root; what it leads to is
    called by the path through the link.

    The answer is true when it is given. Whoever can write in the root can change it afterwards, so that must be the
    operator alone. The file system must tell upper from lower case: on one that does not, each spelling of a path finds
    the repository under a name of its own, and rules that deny it by name do not hold.
    """

    def __init__(self, root: Path, *, allow_symlinks: bool) -> None:
        self._root = root
        self._allow_symlinks = allow_symlinks

    def find(self, segments: tuple[str, ...]) -> Repository | Missing:
        """The repository that the path made of `segments` leads to. Raises OSError where the system cannot tell."""
        asked = _name_segments(segments)
        if isinstance(asked, Missing):
            return asked
        found = self._look(asked)
        if isinstance(found, Missing):
            return found
        try:
            real = Path(os.path.realpath(found, strict=True))
        except OSError as error:
            if error.errno in NOT_THERE:
                return Missing(f"{found} went away while it was looked at")
            raise
        if real == found:
            return Repository(directory=real, name="/".join(asked))
        if real.is_relative_to(self._root):
            return self._find_without_links(real)
        if self._allow_symlinks:
            return Repository(directory=real, name="/".join(asked))
        return Missing(f"{found} leaves the root through a symbolic link, which allow_symlinks would follow")

    def _find_without_links(self, real: Path) -> Repository | Missing:
        """The repository whose git directory is `real`, judged as if it had been asked for by its own path."""
        segments = real.relative_to(self._root).parts
        own = _name_segments(segments[:-1] if segments[-1:] == (".git",) else segments)
        if isinstance(own, Missing):
            return own
        found = self._look(own)
        if isinstance(found, Missing):
            return found
        return Repository(directory=found, name="/".join(own))

    def _look(self, name: tuple[str, ...]) -> Path | Missing:
        """The git directory of the repository called `name`, symbolic links not yet judged."""
        folder = self._root
        for segment in name[:-1]:
            folder = folder / segment
            if not stands(folder):
                return self._nothing_at(folder)
            if looks_like_git_directory(folder):
                return Missing(f"{folder} is a git directory, and nothing inside it is served")
            if stands(folder / ".git"):
                return Missing(f"{folder} is a work tree, and nothing inside it is served")
        places = (folder / f"{name[-1]}.git", folder / name[-1])
        answers = [repository_at(place, follow_links=self._allow_symlinks) for place in places]
        match [answer for answer in answers if isinstance(answer, Path)]:
            case [found]:
                return found
            case [_, _]:
                return Missing(f"{places[0]} and {places[1]} are both repositories, and would share a name; rename one")
        for refused in answers:
            if isinstance(refused, Missing):
                return refused
        return self._nothing_at(places[1])

    def _nothing_at(self, place: Path) -> Missing:
        # A root that is gone (a file system not mounted, say) is an outage, and no reason to call anything missing.
        self._root.stat()
        return Missing(f"no repository at {place}")


def _name_segments(segments: tuple[str, ...]) -> tuple[str, ...] | Missing:
    """The name that a path asks for: its segments, the last one without ".git"."""
    if not segments:
        return Missing("the root itself is not served; ask for a repository below it")
    for segment in segments:
        if segment == "" or segment.startswith(".") or _UNFIT.search(segment):
            return Missing(f"the path has the segment {segment!r}, and such names are not served")
    last = segments[-1].removesuffix(".git")
    if last.endswith(".git"):
        # Else `app.git`, asked for as `app.git.git`, would have a second name that no rule was written for.
        return Missing(f"{segments[-1]!r} ends in .git twice, and such names are not served")
    return (*segments[:-1], last)
