"""The groups of an Apache AuthGroupFile: `group: user "user with blanks"` lines; a group may have several."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from gitgate_htpasswd.lines import MalformedFile, decode, numbered_lines

#: The groups that each user is in.
Groups: TypeAlias = Mapping[str, frozenset[str]]

#: A quote has a meaning at the start of a word only, as for Apache's ap_getword_conf: o'brien is a name.
_MEMBER: Final = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([^\s"']\S*))(?=\s|$)""")


def parse_groups(data: bytes, path: Path) -> Groups:
    """Each user's groups in a file with this content. Raises MalformedFile, and nothing else."""
    groups_by_user: defaultdict[str, set[str]] = defaultdict(set)
    for number, line in numbered_lines(data):
        name, colon, members = line.partition(b":")
        if not colon:
            raise MalformedFile(path, "there is no colon; write `group: user user`", line=number)
        group = decode(name.strip(), "group name", path, number)
        if members.strip():
            for user in _members(decode(members.replace(b"\t", b" "), "list of users", path, number), path, number):
                groups_by_user[user].add(group)
    return MappingProxyType({user: frozenset(groups) for user, groups in groups_by_user.items()})


def _members(text: str, path: Path, line: int) -> list[str]:
    if text.endswith("\\"):
        raise MalformedFile(path, "a line cannot be continued; begin the next with `group:` again", line=line)
    members = []
    position = 0
    while position < len(text):
        match = _MEMBER.match(text, position)
        if match is None:
            raise MalformedFile(path, "the quotes in the list of users do not match", line=line)
        members.append(match[1] or match[2] or match[3])
        position = match.end()
    return members
