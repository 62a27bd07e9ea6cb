"""Names of repositories: the one that a path asks for, those that the configuration writes, those that may be made."""

import re
from typing import Final, TypeAlias

from gitgate.plugin import Missing

#: `team/app` as its segments.
Name: TypeAlias = tuple[str, ...]

#: Control characters, and what is no character at all: a name that holds one cannot be written in a rule or a log.
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_PORTABLE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_DEEPEST: Final = 10

#: A folder that holds both is a git directory to us and to git, and nothing inside it would be served any more.
_MAKES_A_GIT_DIRECTORY: Final = frozenset({"head", "objects", "refs"})


def name_asked_for(path: str) -> Name | Missing:
    """The name that a request's path asks for: its segments, the last one without ".git"."""
    if not path.startswith("/"):
        return Missing(f"{path!r} does not start with '/'")
    if path == "/":
        return Missing("the root itself is not served; ask for a repository below it")
    return as_name(tuple(path[1:].split("/")))


def as_name(segments: Name) -> Name | Missing:
    """The name of what stands at a path of these segments."""
    if not segments:
        return Missing("the root itself is not served; ask for a repository below it")
    for segment in segments:
        if segment == "" or segment.startswith(".") or _UNFIT.search(segment):
            return Missing(f"the path has the segment {segment!r}, and such names are not served")
    last = segments[-1].removesuffix(".git")
    if last.endswith(".git"):
        # Else `app.git`, asked for as `app.git.git`, would have a second name that no rule was written for.
        return Missing(f"{segments[-1]!r} ends in .git twice, and such names are not served")
    return (*segments[:-1], last)


def written_name(text: str) -> Name:
    """The name that stands in the configuration. Raises ValueError, with words for its author, where it is none."""
    name = as_name(tuple(text.split("/")))
    if isinstance(name, Missing) or "/".join(name) != text:
        raise ValueError(f"{text!r}: write a name like team/app, without '/' at either end and without '.git'")
    return name


def why_not_made(name: Name) -> str | None:
    """What keeps a repository from being made under this name, whoever asks; None where nothing does.

    Names that are made are plainer than those that are served: they must be unlike a command line's option, a file that
    git uses itself, or another name that only looks the same.
    """
    if len(name) > _DEEPEST:
        return f"a name has at most {_DEEPEST} parts"
    for segment in name:
        if not _PORTABLE.fullmatch(segment):
            return f"the part {segment!r} is not made of 1 to 100 of A-Z a-z 0-9 . _ -, or begins with . or -"
        if segment.lower().endswith((".git", ".lock")):
            return f"the part {segment!r} ends in .git or .lock"
        if segment.lower() in _MAKES_A_GIT_DIRECTORY:
            return f"the part {segment!r} would make the folder around it look like a git directory"
    return None
