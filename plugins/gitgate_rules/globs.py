"""Which repositories, or which refs, a pattern means.

A pattern is compared with a whole name, segment by segment, upper and lower case told apart:

    *        any characters within one segment
    ?        one character within one segment
    **       any number of whole segments, also none: "secret/**" is "secret" and everything below it
    {user}   one whole segment: the name of who is asking. Nobody, where nobody has logged in

Before {user} belongs a folder of its own, as in "users/{user}/**": with "{user}/**", whoever is called like a folder of
others has it.

Everything else stands for itself. What other pattern languages use and this one does not is refused where it is
written: a rule that matches less than it seems to is a hole. The name of a ref is written in full, from `refs/` on.
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

#: What git lets no ref's name have (git-check-ref-format(1)), beyond the signs of the pattern language.
_NEVER_IN_A_REF: Final = re.compile(r"[\x00-\x20\x7f~^:]|\.\.|@\{")


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern, ready to be compared with names. `of_repositories` and `of_refs` make it.

    Every name that is meant begins with `head` and ends with `tail`, so that most others need not be taken apart.
    """

    text: str
    head: str
    tail: str
    _tests: tuple[_SegmentTest | None, ...]  # None stands for "**"

    @classmethod
    def of_repositories(cls, text: str) -> "Glob":
        """The repositories that `text` means. Raises ValueError, with words for its author, where it can mean none."""
        if text.startswith("/"):
            raise ValueError(f"{text!r}: a repository's name has no leading '/'; write {text.lstrip('/') or '**'!r}")
        if text.endswith(".git"):
            raise ValueError(f"{text!r}: a repository's name has no '.git' at its end; write {_without_git(text)!r}")
        if text.endswith("/"):
            raise ValueError(
                f"{text!r}: a repository's name has no '/' at its end; for all below, write {text + '**'!r}"
            )
        return cls._parse(text, "repository")

    @classmethod
    def of_refs(cls, text: str) -> "Glob":
        """The refs that `text` means. Raises ValueError, with words for its author, where it can mean none."""
        if text.endswith("/"):
            raise ValueError(f"{text!r}: a ref's name has no '/' at its end; for all below, write {text + '**'!r}")
        if text.startswith(("heads/", "tags/", "/refs/")):
            raise ValueError(
                f"{text!r}: a ref's name is written in full; write {'refs/' + text.removeprefix('/refs/')!r}"
            )
        if text in ("refs", "refs/heads", "refs/tags"):
            raise ValueError(f"{text!r}: is no ref; for all below, write {text + '/**'!r}")
        if not text.startswith(("refs/", "**/")) and text != "**":
            raise ValueError(
                f"{text!r}: a ref's name is written in full; write {'refs/heads/' + text!r} for a branch, "
                f"{'refs/tags/' + text!r} for a tag"
            )
        if text.endswith("$"):
            raise ValueError(f"{text!r}: a pattern means whole names; leave the '$' out")
        if match := _NEVER_IN_A_REF.search(text):
            raise ValueError(f"{text!r}: no ref's name has {match[0]!r} in it")
        for segment in text.split("/"):
            if segment.startswith("."):
                raise ValueError(f"{text!r}: no part of a ref's name begins with '.'; write '*' for anything in a part")
            if segment.endswith(".lock"):
                raise ValueError(f"{text!r}: no part of a ref's name ends with '.lock'")
        return cls._parse(text, "ref")

    @classmethod
    def _parse(cls, text: str, kind: str) -> "Glob":
        try:
            tests = tuple(_segment_test(segment, kind) for segment in text.split("/"))
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
        literal = re.split(r"[*?{}]+", text)
        # The "/" beside "**" is only there where "**" takes in a segment.
        return cls(text, literal[0].removesuffix("/"), literal[-1].removeprefix("/"), tests)

    @property
    def needs_user(self) -> bool:
        """Nothing is meant where nobody has logged in."""
        return "{user}" in self.text.split("/")

    def covers(self, other: "Glob") -> bool:
        """Everything that `other` means is certainly meant. False where it takes more than a look to know."""
        if self.text in (other.text, "**"):
            return True
        # "team/**" covers "team" and "team/x*": these begin with the very segments that stand before "**".
        stem = self.text.removesuffix("/**")
        return stem != self.text and f"{other.text}/".startswith(f"{stem}/")

    def matches(self, name: Sequence[str], user: str | None) -> bool:
        """Whether the name of these segments is meant when `user` asks.

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


def _segment_test(segment: str, kind: str) -> _SegmentTest | None:
    if segment == "**":
        return None
    if segment == "{user}":
        # The name is compared, never put into a pattern: a user called "*" is one user.
        return lambda part, user: part == user
    if segment in ("", ".", ".."):
        raise ValueError(f"no {kind}'s name has the segment {segment!r}")
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
