"""Distinguished names (RFC 4514): what gitgate wants to know of one."""

import re
from typing import Final, TypeAlias

from gitgate_ldap.ldap3_connection import split_dn

#: A DN for comparing: each part without what case and blanks may differ in.
NormalDn: TypeAlias = tuple[tuple[str, str, str], ...]

_ESCAPED: Final = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)


def check_dn(text: str) -> None:
    """Raises ValueError, with words for the operator, where `text` is no DN."""
    split_dn(text)


def normal_dn(dn: str) -> NormalDn:
    """The same for every way to write the same name that servers are known to use."""
    try:
        parts = split_dn(dn)
    except ValueError:  # from a server that is laxer than the RFC
        parts = [("", dn, "")]
    return tuple((name.strip().casefold(), value.strip().casefold(), end) for name, value, end in parts)


def is_below(dn: str, base: str) -> bool:
    """Whether the entry stands somewhere below the base."""
    inner, outer = normal_dn(dn), normal_dn(base)
    return len(inner) > len(outer) and inner[len(inner) - len(outer) :] == outer


def naming_value(dn: str, attribute: str) -> str | None:
    """The value by which the entry has its name, if it has it by this attribute: `devs` for `cn` in `cn=devs,dc=x`."""
    try:
        parts = split_dn(dn)
    except ValueError:
        return None
    for name, value, end in parts:
        if name.strip().lower() == attribute.lower():
            return _unescaped(value.strip())
        if end != "+":
            break
    return None


def escaped_value(text: str) -> str:
    """The text as a value in a DN. A name that is typed must not add parts to the DN that it is put into."""
    escaped = re.sub(r'([\\,+"<>;=])', r"\\\1", text)
    if escaped.startswith(("#", " ")):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and len(text) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped


def _unescaped(value: str) -> str | None:
    def character(match: re.Match[bytes]) -> bytes:
        return bytes.fromhex(match[1].decode()) if len(match[1]) == 2 else match[1]

    try:
        return _ESCAPED.sub(character, value.encode()).decode()
    except UnicodeDecodeError:
        return None
