"""The users of an Apache htpasswd file: `name:hash` lines, of which nginx allows a third field, a comment."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from gitgate.plugin import ANONYMOUS
from gitgate_htpasswd.hashes import Hash, UnusableHash, recognise
from gitgate_htpasswd.lines import MalformedFile, decode, numbered_lines

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Locked:
    """A user whose line lets nobody in, whatever the password."""

    reason: str


Entry: TypeAlias = Hash | Locked


@dataclass(frozen=True, slots=True)
class UserTable:
    """All users of a file. `warnings` are for the operator, and hold no secret."""

    entries: Mapping[str, Entry]
    warnings: tuple[str, ...] = ()
    decoy: Hash | None = None

    def spend_the_time_of_a_login(self, password: bytes) -> None:
        """Takes as long as a login of most of the file's users.

        Without it, somebody who measures answers can tell which names are in the file: a bcrypt hash of cost 12 takes
        300 ms, an unknown name none. The decoy is another user's hash, so that its cost is the file's by nature; the
        answer is thrown away.
        """
        if self.decoy is not None:
            self.decoy.fits(password)


def load_users(data: bytes, path: Path) -> UserTable:
    """The table of `parse_users`, with its warnings logged."""
    table = parse_users(data, path)
    for warning in table.warnings:
        _log.warning("%s", warning)
    return table


def parse_users(data: bytes, path: Path) -> UserTable:
    """The users of a file with this content. Raises MalformedFile, and nothing else.

    A line with a hash that cannot be used locks its own user out and no other. A user with two lines makes the file
    malformed: which of the two passwords counts would depend on who reads it.
    """
    entries: dict[str, Entry] = {}
    lines_by_name: dict[str, int] = {}
    warnings = []
    for number, line in numbered_lines(data):
        name_field, colon, rest = line.partition(b":")
        if not colon:
            raise MalformedFile(path, "there is no colon; write `name:hash`", line=number)
        name = decode(name_field, "user name", path, number)
        if name in entries:
            problem = f"user {name!r} is on line {lines_by_name[name]} already; delete one of the two lines"
            raise MalformedFile(path, problem, line=number)
        lines_by_name[name] = number
        entries[name] = entry = _entry(name, rest.partition(b":")[0])
        if isinstance(entry, Locked):
            warnings.append(f"{path}:{number}: user {name!r} cannot log in: {entry.reason}")
    hashes = [entry for entry in entries.values() if isinstance(entry, Hash)]
    if weak := sum(hash_.scheme.quickly_guessed for hash_ in hashes):
        names = ", ".join(sorted({hash_.scheme.name for hash_ in hashes if hash_.scheme.quickly_guessed}))
        advice = "renew them with `gitgate passwd`"
        warnings.append(f"{path}: whoever gets hold of it guesses {weak} of its hashes quickly ({names}); {advice}")
    return UserTable(entries=MappingProxyType(entries), warnings=tuple(warnings), decoy=_typical(hashes))


def _entry(name: str, hash_field: bytes) -> Entry:
    if name == ANONYMOUS.name:
        return Locked(f"the name {name!r} belongs to people who have not logged in")
    try:
        return recognise(hash_field.decode(errors="replace"))
    except UnusableHash as error:
        return Locked(str(error))


def _typical(hashes: list[Hash]) -> Hash | None:
    """One of the hashes that cost as much as most of them do."""
    if not hashes:
        return None
    [(most, _)] = Counter((hash_.scheme.name, hash_.cost) for hash_ in hashes).most_common(1)
    return next(hash_ for hash_ in hashes if (hash_.scheme.name, hash_.cost) == most)
