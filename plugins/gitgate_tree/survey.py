"""What `gitgate check --online` says of the roots: how many repositories they hold, and what some of them lack."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gitgate.plugin import Finding, Missing, Repository
from gitgate_tree.defects import Kind, May, defects, may
from gitgate_tree.names import Name
from gitgate_tree.recognise import is_exported, looks_like_git_directory
from gitgate_tree.roots import Roots
from gitgate_tree.tree import Tree
from gitgate_tree.walk import names_below

#: Of each kind of defect, so many repositories are named.
_NAMED: Final = 3

#: All roots together. The hook has a minute (`check_online` in gitgate's docs/plugins.md).
_LONGEST_SECONDS: Final = 45.0


class Asker(NamedTuple):
    """Who looks: a user id, and what that user may do."""

    user: int
    may: May


@dataclass(slots=True)
class _Cases:
    """How many there are, and the first few of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, case: str) -> None:
        self.count += 1
        if len(self.first) < _NAMED and case not in self.first:
            self.first.append(case)

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more:,} more" if more else "")


@dataclass(slots=True)
class _Survey:
    """What was seen below one root. Memory does not grow with the number of repositories."""

    served: int = 0
    pushes_are_possible: bool = False
    cases: dict[Kind, _Cases] = field(default_factory=lambda: {kind: _Cases() for kind in Kind})
    not_served: _Cases = field(default_factory=_Cases)
    left_out: _Cases = field(default_factory=_Cases)


class Surveyor:
    """Looks at every repository below `roots`, for as long as there is time.

    `find` answers as `resolve_path` does. With `creates`, pushes are possible wherever they are not refused by rules;
    otherwise they are below a root where at least one repository can be written.
    """

    def __init__(
        self,
        roots: Roots,
        find: Callable[[Name], Repository | Missing],
        *,
        creates: bool,
        export_ok: bool,
        asker: Asker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots = roots
        self._find = find
        self._creates = creates
        self._export_ok = export_ok
        self._asker = asker or Asker(os.geteuid(), may)
        self._clock = clock

    def findings(self) -> Iterator[Finding]:
        """Some lines for each root; what does not work is a problem."""
        ends = self._clock() + _LONGEST_SECONDS
        if self._asker.user == 0:
            yield Finding(
                "asked as root, who may do everything: whether the server may as well, its own user finds out"
            )
        for tree in self._roots.all:
            yield from self._of_root(tree, ends)

    def _of_root(self, tree: Tree, ends: float) -> Iterator[Finding]:
        survey = _Survey(pushes_are_possible=self._creates)
        is_whole = True
        try:
            for below in names_below(tree, left_out=survey.left_out.add):
                if self._clock() > ends:
                    is_whole = False
                    break
                self._look((*tree.prefix, *below), tree, survey)
        except OSError as error:
            yield Finding(f"{tree.root}: {error.strerror}", is_problem=True)
            return
        yield Finding(f"{_repositories(survey.served)} below {tree.root}")
        if not is_whole:
            yield Finding(f"the rest of {tree.root} is not looked at: it takes more than {_LONGEST_SECONDS:g} s")
        if self._creates and not self._asker.may(str(tree.root), os.W_OK | os.X_OK):
            yield Finding(f"{tree.root} may not be written, so create_on_push makes nothing in it", is_problem=True)
        if survey.left_out.count:
            yield Finding(f"left out: {survey.left_out}", is_problem=True)
        if survey.not_served.count:
            count = _repositories(survey.not_served.count)
            yield Finding(f"{count} that cannot be served: {survey.not_served}", is_problem=True)
        for kind, cases in survey.cases.items():
            if kind is Kind.UNWRITABLE and cases.count and not survey.pushes_are_possible:
                yield Finding(f"none below {tree.root} can be pushed to: they may be read, and not written")
            elif cases.count:
                yield Finding(f"{_repositories(cases.count)} {kind.value}: {cases}", is_problem=kind.is_problem)

    def _look(self, name: Name, tree: Tree, survey: _Survey) -> None:
        written = "/".join(name)
        try:
            if self._roots.owner(name) is not tree:
                survey.not_served.add(f"{written} in {tree.root}, whose name belongs to another root")
                return
            found = self._find(name)
            if isinstance(found, Missing):
                self._missing(name, tree, found, survey)
                return
            if found.name != written:  # a link to one that is seen under its own name
                return
            directory = found.directory
            survey.served += 1
            survey.pushes_are_possible |= self._asker.may(str(directory / "objects"), os.W_OK | os.X_OK)
            for kind, detail in defects(directory, tree.root, *self._asker):
                survey.cases[kind].add(f"{written} ({detail})")
        except OSError as error:
            survey.cases[Kind.UNREADABLE].add(f"{written} ({error.strerror})")

    def _missing(self, name: Name, tree: Tree, missing: Missing, survey: _Survey) -> None:
        """Count what should be served. That a linked work tree or an unmarked repository is not, is as it should be."""
        below = tree.root.joinpath(*name[len(tree.prefix) :])
        places = [below.with_name(f"{below.name}.git"), below]
        directories = [d for place in places for d in (place, place / ".git") if looks_like_git_directory(d)]
        if self._export_ok and not any(is_exported(directory) for directory in directories):
            return
        if directories:
            survey.not_served.add(missing.reason)


def _repositories(count: int) -> str:
    return "1 repository" if count == 1 else f"{count:,} repositories"
