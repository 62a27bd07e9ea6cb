"""Filters and DNs with a place for a name, which is always escaped where it is put in."""

import re
from collections.abc import Callable, Collection
from typing import Final

from gitgate_ldap.dn import check_dn, escaped_value
from gitgate_ldap.ldap3_connection import check_filter

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")

#: What has a meaning in a filter (RFC 4515, section 3).
_IN_FILTER: Final = str.maketrans({character: f"\\{ord(character):02x}" for character in "\\*()\0"})


class Template:
    """A text with placeholders, such as `(uid={username})`."""

    def __init__(self, text: str, placeholders: Collection[str], escape: Callable[[str], str]) -> None:
        """Raises ValueError where the text has another placeholder, or none of these."""
        self.text = text
        self._escape = escape
        found = set(_PLACEHOLDER.findall(text))
        known = " or ".join(f"{{{name}}}" for name in placeholders)
        if unknown := sorted(found - set(placeholders)):
            raise ValueError(f"{{{unknown[0]}}} stands for nothing here; {known} can be written")
        if not found:
            raise ValueError(f"must have {known} in it; without, it is the same for everybody")

    def fill(self, **values: str) -> str:
        """The text, with the values in their places."""
        return _PLACEHOLDER.sub(lambda match: self._escape(values[match[1]]), self.text)

    def for_anybody(self) -> str:
        """A filter's text with `*` in each place: what it finds whatever the name is."""
        return _PLACEHOLDER.sub("*", self.text)


def escaped_in_filter(text: str) -> str:
    """The text as a value in a filter. `*` matches anybody, and a bracket ends a condition."""
    return text.translate(_IN_FILTER)


def filter_template(text: str, *placeholders: str) -> Template:
    """A filter with these placeholders. Raises ValueError, with words for the operator."""
    template = Template(text, placeholders, escaped_in_filter)
    check_filter(template.fill(**dict.fromkeys(placeholders, "x")))
    return template


def dn_template(text: str, *placeholders: str) -> Template:
    """A DN with these placeholders. Raises ValueError, with words for the operator."""
    template = Template(text, placeholders, escaped_value)
    check_dn(template.fill(**dict.fromkeys(placeholders, "x")))
    return template
