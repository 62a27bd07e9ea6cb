"""What `gitgate check --online` says of each server: reachable, how secured, as whom, and what is found there."""

import math
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitgate.plugin import Finding
from gitgate_ldap.deadline import Deadline
from gitgate_ldap.directory import Directory
from gitgate_ldap.entries import Entry, Search
from gitgate_ldap.errors import NO_SUCH_OBJECT, SIZE_LIMIT_EXCEEDED, DirectoryError, NotForNobody, Refused
from gitgate_ldap.layout import Layout
from gitgate_ldap.ldap3_connection import LdapConnection
from gitgate_ldap.settings import LdapSettings
from gitgate_ldap.uris import Endpoint

#: More entries are not counted.
_COUNTED: Final = 1000

_DAY: Final = 86400.0

#: A certificate that ends sooner is a problem.
_SOON_DAYS: Final = 14


def look_at(
    directory: Directory, settings: LdapSettings, layout: Layout, wall_clock: Callable[[], float]
) -> list[Finding]:
    """What is found at each server, all of which are asked."""
    found: list[Finding] = []
    for endpoint in settings.endpoints:
        try:
            connection = directory.open_as_service(endpoint)
        except NotForNobody as error:
            found.append(Finding(f"{error}; people log in as themselves, and a key alone reads nothing"))
            continue
        except DirectoryError as error:
            found.append(Finding(str(error), is_problem=True))
            continue
        try:
            found += _connected(endpoint, connection, settings, wall_clock())
            found += _contents(endpoint, connection, settings, layout)
        finally:
            connection.close()
    return found


def _connected(endpoint: Endpoint, connection: LdapConnection, settings: LdapSettings, now: float) -> Iterator[Finding]:
    secured = connection.tls_socket
    who = settings.bind_dn or "nobody"
    if secured is None:
        yield Finding(f"{endpoint}: connected without TLS, as {who}")
        return
    yield Finding(f"{endpoint}: connected with {secured.version()}, as {who}")
    certificate = secured.getpeercert()
    if not certificate:
        yield Finding(f"{endpoint}: its certificate was not looked at: tls.verify is false", is_problem=True)
        return
    ends = str(certificate["notAfter"])
    days = math.floor((ssl.cert_time_to_seconds(ends) - now) / _DAY)
    yield Finding(
        f"{endpoint}: its certificate, for {_names_in(certificate)}, ends on {ends}, in {days} days",
        is_problem=days < _SOON_DAYS,
    )


def _contents(
    endpoint: Endpoint, connection: LdapConnection, settings: LdapSettings, layout: Layout
) -> Iterator[Finding]:
    if layout.user_dn is None:
        anybody = layout.user_filter.for_anybody()
        wanted = Search(
            base=layout.user_base, scope=layout.user_scope, filter=anybody, attributes=("1.1",), most=_COUNTED
        )
        yield _counted(endpoint, connection, settings, wanted, "user_base", "people whom user_filter finds")
    if layout.group_base:
        groups = f"({layout.attributes.group}=*)"
        wanted = Search(base=layout.group_base, scope="sub", filter=groups, attributes=("1.1",), most=_COUNTED)
        what = f"entries that have {layout.attributes.group}"
        yield _counted(endpoint, connection, settings, wanted, "group_base", what)


def _counted(
    endpoint: Endpoint, connection: LdapConnection, settings: LdapSettings, wanted: Search, key: str, what: str
) -> Finding:
    place = f"{endpoint}: {key}: {wanted.base}"
    try:
        found = connection.search(wanted, Deadline(settings.timeout))
    except Refused as refused:
        if refused.code == SIZE_LIMIT_EXCEEDED and refused.entries:
            return Finding(f"{place}: at least {len(refused.entries):,} {what}")
        if refused.code == NO_SUCH_OBJECT:
            bases = ", ".join(_naming_contexts(connection, settings))
            hint = f"; what the server has begins with {bases}" if bases else ""
            who = settings.bind_dn or "nobody"
            return Finding(f"{place}: there is no such entry, or {who} may not see it{hint}", is_problem=True)
        return Finding(str(refused), is_problem=True)
    except DirectoryError as error:
        return Finding(str(error), is_problem=True)
    if found:
        return Finding(f"{place}: {len(found):,} {what}")
    who = settings.bind_dn or "nobody; is bind_dn needed?"
    return Finding(f"{place}: no {what}, as seen by {who}: {wanted.filter}", is_problem=True)


def _naming_contexts(connection: LdapConnection, settings: LdapSettings) -> tuple[str, ...]:
    """Where the server's trees begin (RFC 4512, section 5.1); nothing if it does not tell."""
    root = Search(base="", scope="base", filter="(objectClass=*)", attributes=("namingContexts",))
    try:
        entries: list[Entry] = connection.search(root, Deadline(settings.timeout))
    except DirectoryError:
        return ()
    return tuple(name for entry in entries for name in entry.texts("namingContexts"))


def _names_in(certificate: Mapping[str, Any]) -> str:
    """The names that a client compares with the URI: those of older certificates stand in the subject."""
    subject = (f"{key}={value}" for part in certificate.get("subject", ()) for key, value in part)
    return ", ".join(value for _, value in certificate.get("subjectAltName", ())) or ", ".join(subject)
