"""Files of keys into one index from key to user."""

import codecs
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from gitgate.plugin import ANONYMOUS
from gitgate_authorized_keys.bad_line import BadLine
from gitgate_authorized_keys.options import Conditions, parse_options
from gitgate_authorized_keys.public_key import KEY_TYPES, parse_public_key

#: OpenSSH's SSH_MAX_PUBKEY_BYTES.
_LONGEST_LINE: Final = 16384

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """One usable line: whose key it lists, where it stands (`file:line`), and when the key may be used."""

    user: str
    place: str
    conditions: Conditions


#: Each key's wire blob, with the lines that list it.
KeyIndex: TypeAlias = Mapping[bytes, tuple[ListedKey, ...]]


class TwoUsersError(ValueError):
    """A key that is to say alone who presents it stands under two names."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the keys are: a file of `user: key` lines, a folder with one file for each user, or both."""

    file: Path | None
    directory: Path | None

    def find(self) -> list[Path]:
        """The files that hold keys at this moment. Raises OSError if the folder cannot be read."""
        found = [] if self.file is None else [self.file]
        if self.directory is not None:
            found += _visible(self.directory, folders=False)
        return list(dict.fromkeys(found))

    def index(self, contents: Mapping[Path, bytes]) -> KeyIndex:
        """All the keys in these contents. A line that cannot be used is logged with its place, and left out."""
        index: dict[bytes, tuple[ListedKey, ...]] = {}
        for path, content in contents.items():
            try:
                user = None if path == self.file else check_user_name(_user_of(path.name))
            except BadLine as error:
                _log.warning("%s: file ignored: %s", printable(path), error)
                continue
            for blob, key in _keys_of(path, content, user):
                index[blob] = (*index.get(blob, ()), key)
        if self.directory is not None:
            for folder in _visible(self.directory, folders=True):
                _log.warning("%s: folder ignored: keys are looked for beside it, not in it", printable(folder))
        return index


def refuse_shared_keys(index: KeyIndex) -> None:
    """Raises TwoUsersError if any key stands under more than one user."""
    for first, *others in index.values():
        for other in others:
            if other.user != first.user:
                raise TwoUsersError(
                    f"{first.place} and {other.place} list the same key for {first.user!r} and {other.user!r};"
                    " with shared_user a key must belong to one user alone"
                )


def printable(text: object) -> str:
    """The text as it is, or quoted and escaped where it has characters that could forge a log line."""
    plain = str(text)
    return plain if plain.isprintable() else repr(plain)


def check_user_name(name: str) -> str:
    """The name itself. Raises BadLine if nobody can be called so."""
    if not name or not name.isprintable() or name == ANONYMOUS.name:
        raise BadLine(f"{name!r} is not a name for a user")
    return name


def parse_key_line(line: str) -> tuple[bytes, Conditions]:
    """The key of an authorized_keys line, `[options] type base64 [comment]`, and when it may be used.

    Raises BadLine if the line cannot be used.
    """
    conditions = Conditions()
    words = _words(line)
    if words and words[0] not in KEY_TYPES:
        conditions, rest = parse_options(line.strip(" \t"))
        words = _words(rest)
    if len(words) < 2:
        raise BadLine("it has no key; write `type key`, with options before it if need be")
    if words[0] not in KEY_TYPES:
        raise BadLine(f"{words[0]!r} is not a type of key that is supported")
    return parse_public_key(words[0], words[1]), conditions


def _words(text: str) -> list[str]:
    return re.findall("[^ \t]+", text)


def _visible(directory: Path, *, folders: bool) -> list[Path]:
    """The files (or folders) in it, without hidden ones (`.alice.swp`) and editors' leftovers (`alice~`, `#alice#`)."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.is_dir() == folders]
    return [directory / name for name in sorted(names) if not name.startswith((".", "#")) and not name.endswith("~")]


def _keys_of(path: Path, content: bytes, user: str | None) -> Iterator[tuple[bytes, ListedKey]]:
    """The keys of an authorized_keys file that belongs to the user or, without one, of `user: key` lines."""
    for place, line in _lines(path, content):
        try:
            owner, text = _split_owner(line) if user is None else (user, line)
            blob, conditions = parse_key_line(text)
        except BadLine as error:
            _log.warning("%s: line ignored: %s", place, error)
            continue
        if conditions.addresses is not None and conditions.addresses.never_match:
            names = ", ".join(map(repr, conditions.addresses.never_match))
            _log.warning("%s: from= has host names, which are not looked up and never match: %s", place, names)
        yield blob, ListedKey(user=owner, place=place, conditions=conditions)


def _split_owner(line: str) -> tuple[str, str]:
    name, colon, text = line.partition(":")
    if not colon:
        raise BadLine("it has no colon; write `user: type key`")
    return check_user_name(name.strip(" \t")), text


def _user_of(file_name: str) -> str:
    """`alice` for alice, alice.pub and, as in gitolite, alice@laptop.pub; but alice@example.org stays whole.

    What stands after the @ is a place only if it has no dot and `.pub` follows, so that e-mail addresses can be names:
    gitolite reads alice@example.org.pub and alice@example.org@laptop.pub as alice@example.org.
    """
    return re.sub(r"(?:@[^.]+)?\.pub\Z", "", file_name)


def _lines(path: Path, content: bytes) -> Iterator[tuple[str, str]]:
    """Each line that says something, after its place. Lines end at LF only: a form feed in a comment ends none."""
    for number, raw in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        place = f"{printable(path)}:{number}"
        if len(raw) > _LONGEST_LINE:
            _log.warning("%s: line ignored: it has %d bytes, more than %d", place, len(raw), _LONGEST_LINE)
            continue
        # Comments may be in any encoding. A user's name may not: the surrogates that stand for bytes that are not
        # UTF-8 are not printable, so no such name passes.
        line = raw.decode("utf-8", "surrogateescape").strip(" \t\r")
        if line and not line.startswith("#"):
            yield place, line
