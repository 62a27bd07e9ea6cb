"""What Apache's password and group files have in common: how lines are read, and how they can be malformed."""

import codecs
from collections.abc import Iterator
from pathlib import Path


class MalformedFile(ValueError):
    """The file cannot be read as what it should be. `line` counts from 1."""

    def __init__(self, path: Path, problem: str, *, line: int | None = None) -> None:
        super().__init__(f"{path}: {problem}" if line is None else f"{path}:{line}: {problem}")


def numbered_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are neither blank nor comments, as Apache reads them: without the blanks at both ends.

    Windows' line ends go with those blanks. So must its byte order mark: it would become part of the first name.
    """
    for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        line = raw.strip()
        if line and not line.startswith(b"#"):
            yield number, line


def decode(field: bytes, what: str, path: Path, line: int) -> str:
    """The field as text. Raises MalformedFile, never quoting it: what stands in the wrong place may be a password."""
    try:
        text = field.decode()
    except UnicodeDecodeError as error:
        raise MalformedFile(path, f"the {what} is not UTF-8", line=line) from error
    if not text:
        raise MalformedFile(path, f"there is no {what} before the colon", line=line)
    if not text.isprintable():
        raise MalformedFile(path, f"the {what} has a character that does not show", line=line)
    return text
