"""Somebody's entry, and what follows from it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gitgate.plugin import Identity, Rejected
from gitgate_ldap.entries import Ask, Entry, Search
from gitgate_ldap.errors import NO_SUCH_OBJECT, SIZE_LIMIT_EXCEEDED, Refused
from gitgate_ldap.groups import groups_of
from gitgate_ldap.layout import Layout
from gitgate_ldap.names import UnusableName, own_name
from gitgate_ldap.settings import LdapSettings
from gitgate_ldap.ssh_keys import key_blobs

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may log in. `keys` are the blobs of their ssh keys."""

    dn: str
    name: str
    groups: frozenset[str]
    attributes: Mapping[str, str]
    keys: frozenset[bytes]

    @property
    def identity(self) -> Identity:
        """Who they are to gitgate."""
        return Identity(name=self.name, groups=self.groups, attributes=self.attributes)


class People:
    """Finds people. Whoever asks has to say as whom: as the service account, or as the person itself."""

    def __init__(self, settings: LdapSettings, layout: Layout) -> None:
        self._layout = layout
        self._prefix = settings.group_prefix
        self._required = settings.require_groups
        self._lowercase = settings.lowercase_usernames

    def find(self, username: str, ask: Ask, *, is_own_name: bool = False) -> Entry | Rejected | None:
        """The one entry for this name. Rejected for somebody whom user_filter leaves out, or if it finds several.

        `is_own_name`: it is what somebody is called in the end. What they type may be something else, an address for
        example, with `user_filter: (mail={username})`.
        """
        filled = self._layout.user_filter.fill(username=username)
        found = self._entries(username, filled, ask)
        if len(found) == 1:
            _log.debug("%r: found %s with %s", username, found[0].dn, filled)
            return found[0]
        if found:
            return Rejected(f"user_filter finds several entries for {username!r}, such as {found[0].dn}")
        if others := self._entries(username, self._anyone_called(username), ask):
            if is_own_name and len(others) == 1 and self._may_log_in(others[0], ask):
                return others[0]
            return Rejected(f"user_filter leaves {others[0].dn} out")
        _log.debug("%r: no entry with %s %s", username, filled, self._where(username))
        return None

    def person(self, entry: Entry, ask: Ask) -> Person | Rejected:
        """Whom the entry describes, with their groups; Rejected where that is nobody who may log in."""
        attributes = self._layout.attributes
        try:
            name = own_name(entry, attributes.username)
        except UnusableName as error:
            return Rejected(str(error))
        groups = groups_of(entry, name, self._layout, ask)
        if self._required and not groups & self._required:
            return Rejected(f"{entry.dn} is in none of the groups that require_groups names")
        facts = {"name": entry.texts(attributes.name), "email": entry.texts(attributes.email)}
        return Person(
            dn=entry.dn,
            name=name.lower() if self._lowercase else name,
            groups=frozenset(self._prefix + group for group in groups),
            attributes={fact: texts[0] for fact, texts in facts.items() if texts},
            keys=key_blobs(entry.dn, entry.texts(attributes.ssh_public_key)),
        )

    def _may_log_in(self, entry: Entry, ask: Ask) -> bool:
        """Whether user_filter finds the entry by any name."""
        return bool(ask(Search(base=entry.dn, scope="base", filter=self._layout.user_filter.for_anybody())))

    def _anyone_called(self, username: str) -> str:
        """A filter for entries that user_filter may leave out."""
        if self._layout.user_dn is not None:
            return "(objectClass=*)"
        return self._layout.named_filter.fill(username=username)

    def _entries(self, username: str, text: str, ask: Ask) -> list[Entry]:
        """At most two: that there are several is all that matters."""
        layout = self._layout
        wanted = Search(
            base=layout.user_dn.fill(username=username) if layout.user_dn else layout.user_base,
            scope="base" if layout.user_dn else layout.user_scope,
            filter=text,
            attributes=layout.attributes.of_people,
            most=2,
        )
        try:
            return ask(wanted)
        except Refused as refused:
            if refused.code == NO_SUCH_OBJECT and layout.user_dn is not None:
                return []
            if refused.code == SIZE_LIMIT_EXCEEDED:
                return refused.entries
            raise

    def _where(self, username: str) -> str:
        if self._layout.user_dn is not None:
            return f"at {self._layout.user_dn.fill(username=username)}"
        return f"below {self._layout.user_base}"
