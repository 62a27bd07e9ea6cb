"""Logins with a password, and looking people up who have logged in another way."""

import logging
from typing import Final, TypeAlias

from gitgate.plugin import Identity, Rejected
from gitgate_ldap.bind_answers import NO_SUCH_OBJECT, BindAnswer, explained, refusal
from gitgate_ldap.directory import Directory
from gitgate_ldap.entries import Ask
from gitgate_ldap.errors import DirectoryError, NotForNobody
from gitgate_ldap.layout import Layout
from gitgate_ldap.people import People, Person

#: Somebody, somebody who may not log in, or nobody that the directory knows.
Found: TypeAlias = Person | Rejected | None

_log: Final = logging.getLogger(__name__)


class Logins:
    """Asks the directory; keeps nothing. Everything here raises `DirectoryError` where there is no answer."""

    def __init__(self, directory: Directory, people: People, layout: Layout, *, has_service_account: bool) -> None:
        self._directory = directory
        self._people = people
        self._layout = layout
        self._has_service_account = has_service_account

    def look_up(self, username: str, *, is_own_name: bool = False) -> Found:
        """Whom the service account finds under this name; nobody where there is none, and the server wants one."""
        try:
            entry = self._people.find(username, self._directory.search, is_own_name=is_own_name)
        except NotForNobody as error:
            _log.debug("%r: not looked up: %s", username, error)
            return None
        if entry is None or isinstance(entry, Rejected):
            return entry
        return self._people.person(entry, self._directory.search)

    def log_in(self, username: str, password: str) -> Found:
        """Who this is, if it is their password: one bind is made with it, and none if the name leads to nobody."""
        if self._layout.user_dn is not None:
            return self._bind_directly(self._layout.user_dn.fill(username=username), username, password)
        entry = self._people.find(username, self._directory.search)
        if entry is None or isinstance(entry, Rejected):
            return entry
        with self._directory.bound_as(entry.dn, password) as (answer, _):
            if (rejected := _judged(answer)) is not None:
                return rejected
        return self._people.person(entry, self._directory.search)

    def _bind_directly(self, dn: str, username: str, password: str) -> Found:
        with self._directory.bound_as(dn, password) as (answer, ask_as_user):
            if answer.code == NO_SUCH_OBJECT:
                return None
            if (rejected := _judged(answer)) is not None:
                return rejected
            ask: Ask = self._directory.search if self._has_service_account else ask_as_user
            entry = self._people.find(username, ask)
            if entry is None:
                return Rejected(f"{dn} may not be read, so nobody knows who that is; write a bind_dn that may read it")
            return entry if isinstance(entry, Rejected) else self._people.person(entry, ask)


def identity_of(found: Found) -> Identity | Rejected | None:
    """The answer to `authenticate`."""
    return found.identity if isinstance(found, Person) else found


def _judged(answer: BindAnswer) -> Rejected | None:
    """None for the right password. Raises DirectoryError for an answer that says nothing about the account."""
    if answer.is_success:
        return None
    if (words := refusal(answer)) is None:
        raise DirectoryError(f"the directory did not judge the password: {explained(answer)}")
    return Rejected(words)
