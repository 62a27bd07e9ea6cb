"""Which names `create_on_push` may make: patterns that mean what they mean in the plugin `rules`.

*        any characters within one segment
?        one character within one segment
**       any number of whole segments, also none
{user}   one whole segment: the name of who is asking. Nobody, where nobody has logged in
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, TypeAlias

from gitgate_tree.names import Name

#: Whether the repository of this name is meant when this user asks (None: nobody has logged in).
NamePattern: TypeAlias = Callable[[Name, str | None], bool]

_SEGMENT: Final = re.compile(r"\*\*|\{user\}|(?!.*\*\*)[A-Za-z0-9._*?-]+")


def name_pattern(text: str) -> NamePattern:
    """The pattern that `text` writes. Raises ValueError, with words for its author, where it is none."""
    if text.endswith(".git"):
        raise ValueError(f"{text!r}: a repository's name has no '.git' at its end, and this would match none")
    segments = tuple(text.split("/"))
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise ValueError(
                f"{text!r}: {segment!r} is no part of a pattern; write letters, digits, . _ - and * or ? between them,"
                " ** alone, or {user} alone"
            )
    return partial(_matches, segments)


def _matches(pattern: tuple[str, ...], name: Name, user: str | None) -> bool:
    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        # At most 10 segments (`why_not_made`), so few ways to divide them.
        return any(_matches(rest, name[taken:], user) for taken in range(len(name) + 1))
    if not name:
        return False
    # The user's name is compared, never put into a pattern: a user called "*" is one user.
    fits = name[0] == user if first == "{user}" else fnmatchcase(name[0], first)
    return fits and _matches(rest, name[1:], user)
