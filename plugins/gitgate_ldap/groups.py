"""The groups that somebody is in: all of them, or an error."""

import logging
from collections.abc import Iterator
from typing import Final

from gitgate_ldap.dn import NormalDn, is_below, naming_value, normal_dn
from gitgate_ldap.entries import Ask, Entry, Search
from gitgate_ldap.errors import Incomplete
from gitgate_ldap.layout import Layout
from gitgate_ldap.names import UnusableName, own_name

#: Of one person. Whoever is in more of them is not logged in without the rest.
_MOST: Final = 2000

#: Groups in one request for the groups that they are in.
_AT_ONCE: Final = 50

_log: Final = logging.getLogger(__name__)


def groups_of(entry: Entry, username: str, layout: Layout, ask: Ask) -> frozenset[str]:
    """The names of the groups of the person with this entry and name. Raises `DirectoryError`, also for too many."""
    if not layout.group_base:
        return frozenset()
    found: dict[NormalDn, str | None] = {}
    frontier = _add(found, _direct(entry, username, layout, ask))
    for _ in range(layout.nested):
        if not frontier:
            break
        frontier = _add(found, _parents(frontier, layout, ask))
    names = frozenset(name for name in found.values() if name is not None)
    _log.debug("groups of %s: %s", entry.dn, ", ".join(sorted(names)) or "none")
    return names


def _add(found: dict[NormalDn, str | None], groups: Iterator[tuple[str, str | None]]) -> list[str]:
    """Adds the groups; the DNs of those that were not known yet, so that a circle of groups has an end."""
    new = []
    for dn, name in groups:
        if normal_dn(dn) not in found:
            found[normal_dn(dn)] = name
            new.append(dn)
        if len(found) > _MOST:
            raise Incomplete(f"somebody is in more than {_MOST} groups; narrow group_base or group_filter")
    return new


def _direct(entry: Entry, username: str, layout: Layout, ask: Ask) -> Iterator[tuple[str, str | None]]:
    for dn in entry.texts(layout.attributes.member_of):
        if is_below(dn, layout.group_base):
            yield dn, naming_value(dn, layout.attributes.group)
    if layout.group_filter is not None:
        yield from _searched(layout.group_filter.fill(username=username, user_dn=entry.dn), layout, ask)


def _parents(dns: list[str], layout: Layout, ask: Ask) -> Iterator[tuple[str, str | None]]:
    for start in range(0, len(dns), _AT_ONCE):
        filters = [layout.nested_filter.fill(group_dn=dn) for dn in dns[start : start + _AT_ONCE]]
        yield from _searched(f"(|{''.join(filters)})", layout, ask)


def _searched(text: str, layout: Layout, ask: Ask) -> Iterator[tuple[str, str | None]]:
    attribute = layout.attributes.group
    wanted = Search(base=layout.group_base, scope="sub", filter=text, attributes=(attribute,), most=_MOST)
    for entry in ask(wanted):
        try:
            yield entry.dn, own_name(entry, attribute)
        except UnusableName as error:
            _log.debug("group left out: %s", error)
            yield entry.dn, None
