"""The plugin: what is asked of the directory for each hook, and what is answered from the caches."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from gitgate.plugin import Finding, Identity, Password, Peer, PublicKey, Rejected, hookimpl
from gitgate_ldap.caches import AnswerCache, CredentialKeys
from gitgate_ldap.directory import Directory
from gitgate_ldap.errors import NoServer, ServerFailed
from gitgate_ldap.layout import Layout
from gitgate_ldap.logins import Found, Logins, identity_of
from gitgate_ldap.names import objection_to_name, objection_to_password, without_domain
from gitgate_ldap.online import look_at
from gitgate_ldap.people import People, Person
from gitgate_ldap.settings import LdapSettings
from gitgate_ldap.tls import client_context

_log: Final = logging.getLogger(__name__)


class LdapPlugin:
    """Answers for the people of one directory. Safe to ask from several threads at once.

    `clock` only rises; `wall_clock` gives Unix time, for the certificates that `check_online` looks at.
    """

    settings_type = LdapSettings

    def __init__(
        self,
        settings: LdapSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._wall_clock = wall_clock
        self._layout = Layout.of(settings)
        reads_keys = bool(self._layout.attributes.ssh_public_key)
        self.accepts = (Password, PublicKey) if reads_keys else (Password,)
        tls = client_context(settings.tls) if settings.secured else None
        self._directory = Directory(settings, tls, clock)
        people = People(settings, self._layout)
        self._logins = Logins(self._directory, people, self._layout, has_service_account=settings.bind_dn is not None)
        self._credential_keys = CredentialKeys()
        cache = settings.cache
        self._logged_in: AnswerCache[bytes, Found] = AnswerCache(ttl=self._ttl, most=cache.max, clock=clock)
        # What is typed may lead to somebody else than the same text as a name.
        self._looked_up: AnswerCache[tuple[str, bool], Found] = AnswerCache(ttl=self._ttl, most=cache.max, clock=clock)
        self._last_words: AnswerCache[str, Found] = AnswerCache(
            ttl=lambda _: float(cache.stale), most=cache.max, clock=clock
        )

    @hookimpl
    def authenticate(self, credentials: Password | PublicKey, peer: Peer) -> Identity | Rejected | None:
        """The person with groups; Rejected for a wrong password or an account that may not log in.

        None for a name that the directory does not know, and for a key that it does not list for that person: a client
        offers its keys one after the other, and a plugin further down may know this one.
        """
        username = without_domain(credentials.username, self._settings.default_domain)
        if objection_to_name(username) is not None:
            return None
        if isinstance(credentials, PublicKey):
            found = self._look_up(username)
            if isinstance(found, Person) and credentials.blob not in found.keys:
                _log.debug("%s is not among the %d ssh keys of %s", credentials.fingerprint, len(found.keys), found.dn)
                return None
            return identity_of(found)
        if (objection := objection_to_password(credentials.password)) is not None:
            return Rejected(objection)
        return identity_of(self._log_in(username, credentials.password))

    @hookimpl
    def enrich_identity(self, identity: Identity, peer: Peer) -> Identity | Rejected | None:
        """The identity with what the directory knows of it, however it logged in.

        Rejected for an account that the directory knows and that may not log in. Of somebody it does not know it says
        nothing or, with `require_known`, that they may not.
        """
        name = identity.name
        if identity.is_anonymous or name in self._settings.known_elsewhere:
            return None
        found = None if objection_to_name(name) is not None else self._known_of(name)
        if isinstance(found, Rejected):
            return found
        if found is None:
            return (
                Rejected("the directory does not know them (require_known)") if self._settings.require_known else None
            )
        known = replace(
            identity, groups=identity.groups | found.groups, attributes={**found.attributes, **identity.attributes}
        )
        return None if known == identity else known

    @hookimpl
    def check_online(self) -> Sequence[Finding]:
        """What each server says when it is asked."""
        return look_at(self._directory, self._settings, self._layout, self._wall_clock)

    @hookimpl
    def stopping(self) -> None:
        """Say goodbye to the servers."""
        self._directory.close()

    def _log_in(self, username: str, password: str) -> Found:
        key = self._credential_keys.key(username, password)
        found, was_kept = self._logged_in.get(key, lambda: self._logins.log_in(username, password))
        if was_kept:
            _log.debug("%r: the same name and password were judged less than %s ago", username, self._kept_for(found))
        else:
            self._keep(username, found)
        return found

    def _look_up(self, username: str, *, is_own_name: bool = False) -> Found:
        found, was_kept = self._looked_up.get(
            (username, is_own_name), lambda: self._logins.look_up(username, is_own_name=is_own_name)
        )
        if was_kept:
            _log.debug("%r: was looked up less than %s ago", username, self._kept_for(found))
        elif not is_own_name:
            self._keep(username, found)
        return found

    def _known_of(self, name: str) -> Found:
        """What the directory says of somebody who has logged in; while no server answers, what it said last."""
        try:
            found = self._look_up(name, is_own_name=True)
        except (ServerFailed, NoServer) as error:
            last = self._last_words.kept(name)
            if last is None:
                raise
            _log.warning("%r: what the directory said last counts, for no server answers: %s", name, error)
            return last[0]
        self._last_words.put(name, found)
        return found

    def _keep(self, username: str, found: Found) -> None:
        """Of somebody who logs in: enrich_identity, and requests with a key, need not ask again."""
        if isinstance(found, Person):
            self._looked_up.put((username, False), found)
            self._looked_up.put((found.name, True), found)

    def _kept_for(self, found: Found) -> str:
        cache = self._settings.cache
        return str(cache.ttl if isinstance(found, Person) else cache.negative_ttl)

    def _ttl(self, found: Found) -> float:
        cache = self._settings.cache
        return float(cache.ttl if isinstance(found, Person) else cache.negative_ttl)
