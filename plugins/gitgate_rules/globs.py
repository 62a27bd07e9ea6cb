"""Which repositories a pattern means.

A pattern is compared with a repository's name segment by segment, upper and lower case told apart:

    *        any characters within one segment
    ?        one character within one segment
    **       any number of whole segments, also none: "secret/**" is "secret" and everything below it
    {user}   one whole segment: the name of who is asking. Nobody, where nobody has logged in

Before {user} belongs a folder of its own, as in "users/{user}/**": with "{user}/**", whoever is called like a folder of
others has it.

Everything else stands for itself. What other pattern languages use and this one does not is refused where it is
written: a rule that matches less than it seems to is a hole.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

#: Whether one segment of a name is meant, for a user of this name (None: nobody has logged in).
_SegmentTest: TypeAlias = Callable[[str, str | None], bool]

_FOREIGN: Final = {
    "[": "has no [...]; use ? for any one character",
    "]": "has no [...]; use ? for any one character",
    "{": "has no {...} but {user}, alone in its segment",
    "}": "has no {...} but {user}, alone in its segment",
    "\\": "has no escapes; write the character itself",
    "!": "has no negation; put a rule with deny above",
}


@dataclass(frozen=True, slots=True)
class RepositoryGlob:
    """A pattern, ready to be compared with names. `parse` makes it."""

    text: str
    _tests: tuple[_SegmentTest | None, ...]  # None stands for "**"

    @classmethod
    def parse(cls, text: str) -> "RepositoryGlob":
        """The glob that `text` writes. Raises ValueError, with words for its author, where it could never match."""
        if text.startswith("/"):
            raise ValueError(f"{text!r}: a repository's name has no leading '/'; write {text.lstrip('/') or '**'!r}")
        if text.endswith(".git"):
            raise ValueError(f"{text!r}: a repository's name has no '.git' at its end; write {_without_git(text)!r}")
        if text.endswith("/"):
            raise ValueError(
                f"{text!r}: a repository's name has no '/' at its end; for all below, write {text + '**'!r}"
            )
        try:
            return cls(text, tuple(_segment_test(segment) for segment in text.split("/")))
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None

    def matches(self, name: Sequence[str], user: str | None) -> bool:
        """Whether the repository whose name has these segments is meant when `user` asks.

        Takes at most as many steps as the name has segments, times those of the pattern: where a segment does not fit,
        only the last "**" needs to take in one more, as whatever an earlier one could take in, the last one can.
        """
        at = position = 0
        any_depth: int | None = None
        resume = 0
        while position < len(name):
            if at < len(self._tests):
                test = self._tests[at]
                if test is None:
                    any_depth, resume = at, position
                    at += 1
                    continue
                if test(name[position], user):
                    at += 1
                    position += 1
                    continue
            if any_depth is None:
                return False
            resume += 1
            at, position = any_depth + 1, resume
        return all(test is None for test in self._tests[at:])


def _segment_test(segment: str) -> _SegmentTest | None:
    if segment == "**":
        return None
    if segment == "{user}":
        # The name is compared, never put into a pattern: a user called "*" is one user.
        return lambda part, user: part == user
    if segment in ("", ".", ".."):
        raise ValueError(f"no repository's name has the segment {segment!r}")
    if "**" in segment:
        raise ValueError("'**' stands for whole segments; within one, write '*'")
    for character, why in _FOREIGN.items():
        if character in segment and (character != "!" or segment.startswith("!")):
            raise ValueError(f"the pattern language {why}")
    if "*" not in segment and "?" not in segment:
        return lambda part, user: part == segment
    # fnmatch's expression commits each piece to the first place where it fits, and so cannot backtrack.
    fits = re.compile(fnmatch.translate(segment)).match
    return lambda part, user: fits(part) is not None


def _without_git(text: str) -> str:
    stem = text.removesuffix(".git")
    return f"{stem}*" if stem == "" or stem.endswith("/") else stem
