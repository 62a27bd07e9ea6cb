"""Refs that lead to other refs. A push to one moves the other, so both have to be judged (gitrepository-layout(5))."""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from errno import EINVAL, EISDIR, ENAMETOOLONG, ENOENT, ENOTDIR
from itertools import islice
from typing import Final

from gitgate.deadline import DeadlineOver
from gitgate.git.command import GitCommand
from gitgate.git.output import output_of
from gitgate.git.push_terms import Judge, PushTerms
from gitgate.plugin import RefUpdate, Repository
from gitgate.reactor import Reactor
from gitgate.refusals import AccessDenied
from gitgate.wire.printable import printable

_START: Final = b"ref:"

#: git follows no more (refs.c, SYMREF_MAXDEPTH).
_MOST_STEPS: Final = 5
_LONGEST: Final = 4096
_LONGEST_CONFIGURATION: Final = 2**20

#: No ref is there, or git could not make one of this name. Any other error, such as too many open files, says nothing:
#: the ref may lead to one that nobody may push to.
_NO_FILE: Final = frozenset({ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG})

#: Where git is asked, it is run for each ref: it has no list of those that lead to what is not there yet, and a push to
#: one makes that.
_MOST_ASKED: Final = 1000
_SECONDS_TO_ASK: Final = 60.0
_NOT_SYMBOLIC: Final = 1

#: A byte that is no UTF-8, in the names that plugins see. No name has a backslash of its own (git-check-ref-format(1)).
_NO_UTF_8: Final = re.compile(rb"\\x([0-9a-f]{2})")


class SymbolicRefs:
    """Those of a push: where each of its refs leads, step by step."""

    def __init__(self, leads_to: dict[str, tuple[str, ...]]) -> None:
        self._leads_to = leads_to

    @classmethod
    def among(cls, refs: Iterable[str], repository: Repository) -> "SymbolicRefs | None":
        """Those of `refs` that are symbolic; None where git has to be asked. Reads the disk, for each of them.

        Raises OSError where the disk does not say.
        """
        directory = os.fsencode(repository.directory)
        if not _are_files(directory):
            return None
        found = {ref: targets for ref in _possible(refs) if (targets := tuple(_steps(directory, _bytes_of(ref))))}
        return cls(found)

    @classmethod
    async def asked_of_git(
        cls, command: GitCommand, refs: Iterable[str], repository: Repository, reactor: Reactor
    ) -> "SymbolicRefs":
        """The same, each with the ref at its end, as git tells it in the environment of `command`.

        Raises OSError where git does not say, also within a minute for all of them, and `AccessDenied` where they are
        too many.
        """
        asked = list(islice(_possible(refs), _MOST_ASKED + 1))
        if len(asked) > _MOST_ASKED:
            message = f"at most {_MOST_ASKED} refs can be pushed here at once; push them in parts"
            raise AccessDenied(
                f"more than {_MOST_ASKED} refs, about each of which git has to be asked", message=message
            )
        found: dict[str, tuple[str, ...]] = {}
        end = reactor.seconds() + _SECONDS_TO_ASK
        for ref in asked:
            if reactor.seconds() >= end:
                raise DeadlineOver(f"git does not say within {_SECONDS_TO_ASK:g} s where {len(asked)} refs lead")
            # What a client names as an argument: it begins with "refs/", so it is never an option.
            arguments = ["-C", str(repository.directory), "--git-dir=.", "symbolic-ref", "--quiet"]
            said = await output_of(command, [*arguments, os.fsdecode(_bytes_of(ref))], reactor)
            if said.code == 0:
                found[ref] = (_name(said.out.removesuffix(b"\n")),)
            elif said.code != _NOT_SYMBOLIC:
                raise OSError(f"git does not say where {printable(ref)} leads: {printable(said.err)}")
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


def _are_files(directory: bytes) -> bool:
    """Whether each symbolic ref of the repository is a file in it, as git has always had them. Those of a reftable are
    not, nor are those of a linked work tree.
    """
    if os.path.lexists(directory + b"/reftable") or os.path.lexists(directory + b"/commondir"):
        return False
    try:
        configuration = _start_of(directory + b"/config", _LONGEST_CONFIGURATION)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    # `extensions.refStorage` may name any place. git reads it from here alone, and follows no `include` for it.
    return len(configuration) < _LONGEST_CONFIGURATION and b"refstorage" not in configuration.lower()


def _possible(refs: Iterable[str]) -> Iterable[str]:
    """Those that git takes in a push."""
    return (ref for ref in refs if ref.startswith("refs/") and _is_inside(ref.encode()))


def _is_inside(name: bytes) -> bool:
    return {b"", b".", b".."}.isdisjoint(name.split(b"/"))


def _bytes_of(ref: str) -> bytes:
    """The name as git has it."""
    return _NO_UTF_8.sub(lambda byte: bytes.fromhex(byte[1].decode()), ref.encode())


def _name(ref: bytes) -> str:
    """The name as plugins see it."""
    return ref.decode("utf-8", "backslashreplace")


def _steps(directory: bytes, ref: bytes) -> Iterable[str]:
    seen = {ref}
    for _ in range(_MOST_STEPS):
        target = _target(directory, ref)
        if target is None or target in seen:
            return
        if target != b"HEAD":  # what it leads to is moved; it is no ref that rules know
            yield _name(target)
        seen.add(target)
        ref = target


def _target(directory: bytes, ref: bytes) -> bytes | None:
    if not _is_inside(ref):
        return None  # git takes no such name
    path = directory + b"/" + ref
    try:
        # As a link of the file system, with core.preferSymlinkRefs.
        linked = os.readlink(path)  # noqa: PTH115 # called for each of many refs
        if linked.startswith(b"refs/"):
            return linked
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        if error.errno != EINVAL:  # it is no link
            raise
    try:
        content = _start_of(path, _LONGEST)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    return content.removeprefix(_START).strip() if content.startswith(_START) else None


def _start_of(path: bytes, longest: int) -> bytes:
    """What stands there, without waiting for the writer of a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, longest)
    finally:
        os.close(descriptor)
