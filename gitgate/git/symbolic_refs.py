"""Refs that lead to other refs. A push to one moves the other, so both have to be judged (gitrepository-layout(5))."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from gitgate.git.push import Judge, PushTerms
from gitgate.plugin import RefUpdate
from gitgate.refusals import AccessDenied

_START: Final = b"ref:"

#: git follows no more (refs.c, SYMREF_MAXDEPTH).
_MOST_STEPS: Final = 5
_LONGEST: Final = 4096


class SymbolicRefs:
    """Those of a push: where each of its refs leads, step by step."""

    def __init__(self, leads_to: dict[str, tuple[str, ...]]) -> None:
        self._leads_to = leads_to

    @classmethod
    def among(cls, refs: Iterable[str], directory: Path) -> "SymbolicRefs":
        """Those of `refs` that are symbolic in the repository in `directory`. Reads the disk, for each of them."""
        found = {ref: targets for ref in refs if (targets := tuple(_steps(directory, ref)))}
        return cls(found)

    async def judge(self, updates: tuple[RefUpdate, ...], judge: Judge) -> PushTerms:
        """What `judge` says of the updates and of what they lead to, in the names that the client pushes to."""
        try:
            terms = await judge(self.with_targets(updates))
        except AccessDenied as denied:
            denied.refs = self.with_sources(denied.refs)
            raise
        return replace(terms, forward_only=self.with_sources(terms.forward_only))

    def with_targets(self, updates: tuple[RefUpdate, ...]) -> tuple[RefUpdate, ...]:
        """The updates, and the same for each ref that they lead to and that is not among them."""
        if not self._leads_to:
            return updates
        asked = {update.ref for update in updates}
        added: dict[str, RefUpdate] = {}
        for update in updates:
            for target in self._leads_to.get(update.ref, ()):
                if target not in asked:
                    added.setdefault(target, replace(update, ref=target))
        return (*updates, *added.values())

    def with_sources(self, refs: tuple[str, ...]) -> tuple[str, ...]:
        """`refs`, and those that lead to one of them: what the client knows them as."""
        if not self._leads_to:
            return refs
        reached = set(refs)
        return (*refs, *(ref for ref, targets in self._leads_to.items() if reached & set(targets) - {ref}))


def _steps(directory: Path, ref: str) -> Iterable[str]:
    seen = {ref}
    for _ in range(_MOST_STEPS):
        target = _target(directory, ref)
        if target is None or target in seen:
            return
        yield target
        seen.add(target)
        ref = target


def _target(directory: Path, ref: str) -> str | None:
    if not ref.startswith("refs/") or not {"", ".", ".."}.isdisjoint(ref.split("/")):
        return None  # git takes no such name
    path = f"{directory}/{ref}"
    try:
        # As a link of the file system, with core.preferSymlinkRefs.
        linked = os.readlink(path)  # noqa: PTH115 # called for each of many refs
        return linked if linked.startswith("refs/") else None
    except OSError:
        pass
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            content = file.read(_LONGEST)
    except OSError:
        return None
    if not content.startswith(_START):
        return None
    return content.removeprefix(_START).strip().decode("utf-8", "backslashreplace")
