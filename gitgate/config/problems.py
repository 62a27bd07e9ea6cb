"""What is wrong with a configuration, told to the person who wrote it."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gitgate.wire.printable import printable

#: Where a value stands: the keys of mappings and the indexes of lists, from the top of the file.
KeyPath: TypeAlias = tuple[str | int, ...]

#: A message that is longer is cut.
_LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file, as editors and compilers write it. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it stands, which key is meant (nothing for the file as a whole), and what to do.

    `position` is None for what was not read from a file.
    """

    position: Position | None
    keys: KeyPath
    message: str

    def __str__(self) -> str:
        parts = (str(self.position or ""), key_path_text(self.keys), self.message)
        return printable(": ".join(part for part in parts if part), _LONGEST)


class ConfigError(Exception):
    """The configuration cannot be used. `problems` is everything that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def key_path_text(keys: KeyPath) -> str:
    """The path as people write it: `plugins[2].aliases["old/name"]`."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[\w$-]+", key):
            text += f".{key}" if text else key
        else:
            text += f'["{key}"]'
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: `; did you mean 'uris'?`, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
