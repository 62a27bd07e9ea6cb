"""Names and passwords as people type them, and the name that somebody has in the end."""

import unicodedata
from typing import Final

from gitgate.plugin import ANONYMOUS
from gitgate_ldap.dn import naming_value
from gitgate_ldap.entries import Entry

_LONGEST_NAME: Final = 255
_LONGEST_PASSWORD: Final = 1024


class UnusableName(ValueError):
    """An entry by whose name nobody can be called."""


def objection_to_name(name: str) -> str | None:
    """Why the directory is not asked about a name; None if it may be."""
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        return "is not a name that anybody could have"
    return "is reserved" if name == ANONYMOUS.name else None


def objection_to_password(password: str) -> str | None:
    """Why a password is not sent to the directory; None if it may be.

    To a server, a name with an empty password is a login as nobody, which succeeds (RFC 4513, section 5.1.2); some cut
    a password off at a NUL.
    """
    if not password.strip():
        return "the password is empty"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        return "the password has control characters"
    if len(password) > _LONGEST_PASSWORD:
        return f"the password is longer than {_LONGEST_PASSWORD} characters"
    return None


def without_domain(name: str, default_domain: str | None) -> str:
    """`alice` for `alice@corp.example.org`, `CORP\\alice` and `corp.example.org\\alice`, if that is the domain."""
    if default_domain is None:
        return name
    full = default_domain.strip(".").casefold()
    domain, backslash, rest = name.partition("\\")
    if backslash and domain.casefold() in (full, full.partition(".")[0]):
        return rest
    rest, at, domain = name.rpartition("@")
    return rest if at and domain.casefold() == full else name


def own_name(entry: Entry, attribute: str) -> str:
    """What the entry is called: the attribute's value or, of several, the one in its DN. Raises UnusableName."""
    values = entry.texts(attribute)
    naming = naming_value(entry.dn, attribute)
    if len(values) > 1 and naming in values:
        values = (naming,)
    if not values:
        raise UnusableName(f"{entry.dn} has no {attribute}")
    if len(values) > 1:
        raise UnusableName(f"{entry.dn} has {len(values)} values of {attribute}, and its DN names none of them")
    if (objection := objection_to_name(values[0])) is not None:
        raise UnusableName(f"{entry.dn}: {attribute} {values[0]!r} {objection}")
    return values[0]
