"""Whom the words under `who` mean.

    alice           the user of this name
    user:all        the same, for a name that is more likely a mistake for one of the words below
    group:devs      everybody whose identity is in the group
    authenticated   everybody who has logged in
    anonymous       everybody who has not
    everyone        both

The last three words and everything with a ":" are reserved, and so is what people write for the three: a rule that is
to deny something to `all` would deny it to a user of that name, and so to nobody. Being called `group:admins` makes
nobody an admin.
"""

import difflib
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

#: What people write where they mean everybody who may ask at all.
_EVERYONE: Final = frozenset({"all", "any", "anybody", "anyone", "everybody", "public", "world"})

#: The same for those who have logged in, and for those who have not.
_AUTHENTICATED: Final = frozenset({"users", "members", "logged-in", "valid-user"})
_ANONYMOUS: Final = frozenset({"anon", "guest", "guests", "nobody"})

#: How alike a word and one of ours are that is written with a slip: those of one letter too few, too many or other.
_SLIP: Final = 0.85


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
        if meant := _meant(text.casefold()):
            raise ValueError(f"{text!r}: did you mean {meant}? write user:{text} for a user of that name")
        return lambda identity: identity.name == text
    if kind not in ("group", "user"):
        raise ValueError(f"{text!r}: is neither group:NAME nor a user's name alone")
    if name != name.strip() or name == "":
        raise ValueError(f"{text!r}: write the {kind}'s name right after {kind}:")
    if kind == "group":
        return lambda identity: name in identity.groups
    return lambda identity: identity.name == name and not identity.is_anonymous


def _meant(word: str) -> str | None:
    """The reserved word that somebody who wrote `word` had in mind, as far as that can be guessed."""
    for usual, reserved in ((_EVERYONE, "everyone"), (_AUTHENTICATED, "authenticated"), (_ANONYMOUS, "anonymous")):
        if word in usual:
            return reserved
    return next(iter(difflib.get_close_matches(word, _RESERVED, n=1, cutoff=_SLIP)), None)
