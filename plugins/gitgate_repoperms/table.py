"""`.repoperms` files: sections of repositories with lines `user = rw`."""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NoReturn, TypeAlias

from gitgate.plugin import Access

#: The four values and what they permit. None permits CREATE: the format knows no word for it.
RIGHTS: Final[Mapping[str, frozenset[Access]]] = MappingProxyType(
    {
        "r": frozenset({Access.READ}),
        "w": frozenset({Access.WRITE}),
        "rw": frozenset({Access.READ, Access.WRITE}),
        "-": frozenset(),
    }
)

_MOST_PROBLEMS: Final = 10


class RepopermsError(ValueError):
    """What is wrong with a file, with each line's place; nothing of such a file is used."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a section: a value of `RIGHTS`, and where it stands (`file:line`)."""

    value: str
    place: str

    @property
    def rights(self) -> frozenset[Access]:
        """What the line permits."""
        return RIGHTS[self.value]


#: For each repository's name, the entry of each user.
Table: TypeAlias = Mapping[str, Mapping[str, Entry]]


class _BadLine(Exception):
    """Why one line cannot be read."""


def parse_table(content: bytes, file: str) -> Table:
    """The table that the file holds. Raises RepopermsError, with all that is wrong, if any line cannot be read.

    Unlike with Python's configparser, which GitServerGlue used, names keep their case, `%` is a character, nothing is
    inherited from [DEFAULT], an indented line is a line of its own, and a value is one of `r`, `w`, `rw` and `-`.
    """
    table: dict[str, dict[str, Entry]] = {}
    problems: list[str] = []
    section: dict[str, Entry] | None = None
    for number, line in _lines(content):
        place = f"{file}:{number}"
        try:
            if line.startswith("["):
                section = {}  # also where the name is refused, so that the lines below are checked, and go nowhere
                name = _repository_name(line)
                if name in table:
                    raise _BadLine(f"the section of {name!r} is there already; put its lines together")
                table[name] = section
            elif section is None:
                raise _BadLine("it stands before the first section; write `[repository]` above it")
            else:
                user, value = _user_and_value(line)
                if user in section:
                    raise _BadLine(f"{user!r} is in this section already, at {section[user].place}")
                section[user] = Entry(value, place)
        except _BadLine as error:
            problems.append(f"{place}: {error}")
    if problems:
        _refuse(problems)
    return table


def _refuse(problems: list[str]) -> NoReturn:
    shown = problems[:_MOST_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more lines")
    raise RepopermsError("; ".join(shown))


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Each line that says something, with its number. Bytes that are not UTF-8 become surrogates, which no name has."""
    for number, raw in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        line = raw.decode("utf-8", "surrogateescape").strip(" \t\r")
        if line and not line.startswith(("#", ";")):
            yield number, line


def _repository_name(line: str) -> str:
    """The name of the repository that a section's first line is for, without `.git`."""
    if not line.endswith("]"):
        raise _BadLine("the section's name is not closed; write `[repository]` and nothing after it")
    written = line[1:-1].strip(" \t")
    if written == "DEFAULT":
        raise _BadLine("[DEFAULT] has no meaning here: rights are given repository by repository")
    name = written.removesuffix(".git")
    if not name.isprintable() or any(part in ("", ".", "..") for part in name.split("/")):
        raise _BadLine(f"{written!r} is no repository's name; write it like `team/app`, from the root on")
    return name


def _user_and_value(line: str) -> tuple[str, str]:
    user, equals, value = (part.strip(" \t") for part in line.partition("="))
    if not equals:
        raise _BadLine("it has no `=`; write `user = rw`")
    if not user or not user.isprintable():
        raise _BadLine(f"{user!r} is not a name for a user")
    if value not in RIGHTS:
        raise _BadLine(f"{value!r} is not a right; write r, w, rw or -, and comments on lines of their own")
    return user, value
