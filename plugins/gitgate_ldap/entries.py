"""What is asked of a directory, and what it consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["base", "one", "sub"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search request (RFC 4511, section 4.5). More than `most` entries are an error; 0: no bound of ours."""

    base: str
    scope: Scope
    filter: str
    attributes: tuple[str, ...] = ()
    most: int = 0

    def __str__(self) -> str:
        where = {"base": "at", "one": "directly below", "sub": "below"}[self.scope]
        return f"{self.filter} {where} {self.base or 'the root'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry with the attributes that were asked for, by their names in lower case."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]

    def texts(self, attribute: str) -> tuple[str, ...]:
        """The values of the attribute that are texts; none where it is absent, or has no name."""
        texts = []
        for value in self.values.get(attribute.lower(), ()):
            try:
                texts.append(value.decode())
            except UnicodeDecodeError:
                continue
        return tuple(texts)


#: Asks the directory, as whoever it was given to may ask it. Raises `DirectoryError`.
Ask: TypeAlias = Callable[[Search], list[Entry]]
