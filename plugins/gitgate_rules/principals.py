"""Whom the words under `who` mean.

    alice           the user of this name
    group:devs      everybody whose identity is in the group
    authenticated   everybody who has logged in
    anonymous       everybody who has not
    everyone        both

The last three words and everything with a ":" are reserved. A user who happens to be called `everyone` is reached by
`authenticated` or a group, and being called `group:admins` makes nobody an admin.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from gitgate.plugin import Identity

#: Whether somebody is meant.
Principal: TypeAlias = Callable[[Identity], bool]

_RESERVED: Final[dict[str, Principal]] = {
    "everyone": lambda identity: True,
    "authenticated": lambda identity: not identity.is_anonymous,
    "anonymous": lambda identity: identity.is_anonymous,
}


def parse_principal(text: str) -> Principal:
    """The principal that `text` writes. Raises ValueError, with words for its author, where it is none."""
    if text in _RESERVED:
        return _RESERVED[text]
    if text != text.strip() or text == "":
        raise ValueError(f"{text!r}: a name neither is empty nor begins or ends with a blank")
    if text.lower() in _RESERVED:
        raise ValueError(f"{text!r}: write {text.lower()} in lower case")
    if text == "*":
        raise ValueError("'*': users are not patterns; write everyone, authenticated or group:NAME")
    if text.startswith("@"):
        raise ValueError(f"{text!r}: write a group as group:{text[1:] or 'NAME'}")
    kind, colon, name = text.partition(":")
    if not colon:
        return lambda identity: identity.name == text
    if kind != "group":
        raise ValueError(f"{text!r}: is neither group:NAME nor a user's name alone")
    if name != name.strip() or name == "":
        raise ValueError(f"{text!r}: write the group's name right after group:")
    return lambda identity: name in identity.groups
