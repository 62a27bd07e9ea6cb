"""The directory as a whole: asked as the service account, or by somebody with a password of their own."""

import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from gitgate_ldap.bind_answers import BindAnswer, explained, refusal
from gitgate_ldap.deadline import Deadline
from gitgate_ldap.entries import Ask, Entry, Search
from gitgate_ldap.errors import DirectoryError, Incomplete, NotForNobody, Refused, ServerFailed
from gitgate_ldap.ldap3_connection import LdapConnection
from gitgate_ldap.pool import Pool
from gitgate_ldap.servers import Servers
from gitgate_ldap.settings import LdapSettings, is_secured
from gitgate_ldap.uris import Endpoint

_log: Final = logging.getLogger(__name__)


class Directory:
    """Safe to ask from several threads. What it raises is a `DirectoryError`."""

    def __init__(self, settings: LdapSettings, tls: ssl.SSLContext | None, clock: Callable[[], float]) -> None:
        """`tls` secures the connections for which the settings ask for it."""
        self._settings = settings
        self._tls = tls
        self._pool = Pool(settings.pool.size, settings.pool.idle, clock)
        self._servers = Servers(settings.endpoints, clock, forget=self._pool.drop)

    def search(self, wanted: Search) -> list[Entry]:
        """All that matches, found as the service account. A server that does not answer is not waited for twice."""
        connection = self._pool.take()
        if connection is not None:
            try:
                return self._asked(connection, wanted)
            except ServerFailed as failure:
                self._pool.drop(connection.endpoint)
                if failure.timed_out:
                    self._servers.failed(connection.endpoint, failure)
                else:  # servers close connections that wait for long, and all of them when they restart
                    _log.debug("%s; the connection had been kept, and another one is opened", failure)
        last: ServerFailed
        for _ in range(len(self._servers)):
            connection = self._servers.open(self.open_as_service)
            try:
                return self._asked(connection, wanted)
            except ServerFailed as failure:
                self._servers.failed(connection.endpoint, failure)
                last = failure
        raise last

    @contextmanager
    def bound_as(self, dn: str, password: str) -> Iterator[tuple[BindAnswer, Ask]]:
        """How the directory answers the one bind with this password, and a way to ask as whoever that is.

        The connection is new, and of no other use. A server that cannot be reached is passed by; but once the password
        was sent, no other server is asked: the bind may have been counted although its answer never came.
        """
        connection, answer = self._servers.open(lambda endpoint: self._open_and_bind(endpoint, dn, password))
        try:
            _log.debug("%s: bind as %s: %s", connection.endpoint, dn, explained(answer))
            yield answer, lambda wanted: connection.search(wanted, Deadline(self._settings.timeout))
        finally:
            connection.close()

    def open_as_service(self, endpoint: Endpoint) -> LdapConnection:
        """A new connection to this server for the service account or, where there is none, for anybody."""
        deadline = Deadline(self._settings.connect_timeout)
        connection = self._open(endpoint, deadline)
        dn, password = self._settings.bind_dn or "", self._settings.bind_password
        try:
            answer = connection.bind(dn, password.reveal() if password else "", deadline)
            if self._may_stay_nobody and refusal(answer) is not None:
                # No failure: with a password the server is asked as somebody, and it must not be left alone meanwhile.
                raise NotForNobody(f"{endpoint}: without bind_dn nothing is answered: {answer}")
            if not answer.is_success:
                blame = "bind_dn and bind_password are" if dn else "asking without bind_dn is"
                # A failure like any other, so that a wrong password is not sent with every login: that locks accounts.
                raise ServerFailed(str(endpoint), f"{blame} not accepted: {explained(answer)}")
        except DirectoryError:
            connection.close()
            raise
        _log.debug("%s: connected as %s", endpoint, dn or "nobody")
        return connection

    def close(self) -> None:
        """Close what waits to be used again."""
        self._pool.close()

    def _open_and_bind(self, endpoint: Endpoint, dn: str, password: str) -> tuple[LdapConnection, BindAnswer]:
        connection = self._open(endpoint, Deadline(self._settings.connect_timeout))
        try:
            return connection, connection.bind(dn, password, Deadline(self._settings.timeout))
        except ServerFailed as failure:
            connection.close()
            failure.is_final = True
            raise

    def _open(self, endpoint: Endpoint, deadline: Deadline) -> LdapConnection:
        return LdapConnection(endpoint, self._tls if is_secured(endpoint, self._settings.tls.mode) else None, deadline)

    @property
    def _may_stay_nobody(self) -> bool:
        """People bind as themselves, and there is no account that searches for them."""
        return self._settings.user_dn is not None and self._settings.bind_dn is None

    def _asked(self, connection: LdapConnection, wanted: Search) -> list[Entry]:
        """What it finds. A connection on which there was an answer, even a refusal, is in order."""
        is_in_order = False
        try:
            found = connection.search(wanted, Deadline(self._settings.timeout))
            is_in_order = True
            return found
        except Refused as refused:
            is_in_order = True
            if self._may_stay_nobody and refused.wants_a_login:
                raise NotForNobody(str(refused)) from refused
            raise
        except Incomplete:
            is_in_order = True
            raise
        finally:
            if is_in_order:
                self._pool.give(connection)
            else:
                connection.close()
