"""What stands in the configuration, and what can be wrong with it before any server is asked."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Literal

from gitgate.plugin import Duration, Secret, SettingsError
from gitgate_ldap.dn import check_dn
from gitgate_ldap.entries import Scope
from gitgate_ldap.presets import PRESETS, PresetName
from gitgate_ldap.templates import dn_template, filter_template
from gitgate_ldap.uris import Endpoint

#: RFC 4512, section 2.5: a name, or an object identifier.
_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+")


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """How connections are secured.

    `mode`: `auto` is TLS for ldaps://, none for ldapi:// and for ldap:// on this machine, and an error for ldap:// to
    another one. `starttls` is for ldap://, and required of the server. `none` lets passwords go readably to another
    machine. `ca_file` holds the authorities that are trusted in place of the system's; `cert` and `key` are shown to
    servers that want a client certificate.
    """

    mode: Literal["auto", "starttls", "none"] = "auto"
    verify: bool = True
    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    min_version: Literal["1.2", "1.3"] = "1.2"

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise SettingsError("a client certificate has two files: write both cert and key", key="cert")
        if not self.verify and self.ca_file is not None:
            raise SettingsError("nothing is compared with it while verify is false; take one out", key="ca_file")


@dataclass(frozen=True, kw_only=True)
class AttributeSettings:
    """The attributes of people, and of groups (`group`). Default: those of the preset; an empty text: none."""

    username: str | None = None
    name: str | None = None
    email: str | None = None
    group: str | None = None
    member_of: str | None = None
    ssh_public_key: str | None = None

    def __post_init__(self) -> None:
        for key in ("username", "group"):
            if getattr(self, key) == "":
                raise SettingsError("is empty, and names come from it", key=key)
        for each in fields(self):
            value = getattr(self, each.name)
            if value and not _ATTRIBUTE.fullmatch(value):
                raise SettingsError(f"{value!r} is no name of an attribute", key=each.name)


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """The service account's connections: `size` are kept open, each until it has been `idle` for so long."""

    size: int = 4
    idle: Duration = Duration(60)  # noqa: RUF009 - a float, which cannot change

    def __post_init__(self) -> None:
        if self.size < 0:
            raise SettingsError("is a number of connections; 0 keeps none", key="size")


@dataclass(frozen=True, kw_only=True)
class CacheSettings:
    """How long answers are used again: logins, people and groups for `ttl`, refusals for `negative_ttl`.

    Of each kind, `max` answers are kept.
    """

    ttl: Duration = Duration(60)  # noqa: RUF009
    negative_ttl: Duration = Duration(5)  # noqa: RUF009
    max: int = 10_000

    def __post_init__(self) -> None:
        if self.max < 1:
            raise SettingsError("must be at least 1; to use no answer again, write ttl: 0s", key="max")


@dataclass(frozen=True, kw_only=True)
class LdapSettings:
    """Which directory is asked, how people and groups are found in it, and what is wanted of them.

    People are found as `bind_dn` (without it, anonymously) with `user_filter` below `user_base`; or have the DN
    `user_dn`. Filters and attributes that are not written are those of `preset`. docs/ldap.md explains every key.
    """

    uris: tuple[str, ...]
    tls: TlsSettings = field(default_factory=TlsSettings)
    preset: PresetName = "openldap"
    bind_dn: str | None = None
    bind_password: Secret | None = None
    user_dn: str | None = None
    user_base: str | None = None
    user_filter: str | None = None
    user_scope: Scope | None = None
    group_base: str | None = None
    group_filter: str | None = None
    group_prefix: str = ""
    nested: int = 0
    nested_filter: str | None = None
    require_groups: frozenset[str] = frozenset()
    require_known: bool = False
    known_elsewhere: frozenset[str] = frozenset()
    attributes: AttributeSettings = field(default_factory=AttributeSettings)
    lowercase_usernames: bool = False
    default_domain: str | None = None
    connect_timeout: Duration = Duration(3)  # noqa: RUF009
    timeout: Duration = Duration(5)  # noqa: RUF009
    pool: PoolSettings = field(default_factory=PoolSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)

    def __post_init__(self) -> None:
        self._check_connections()
        self._check_people()
        self._check_groups()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The servers, in the order in which they are tried."""
        return tuple(Endpoint.parse(uri) for uri in self.uris)

    def _check_connections(self) -> None:
        if not self.uris:
            raise SettingsError("is empty; name a server, such as ldaps://ldap.example.org", key="uris")
        for uri in self.uris:
            _check("uris", uri, Endpoint.parse)
        if len(set(self.uris)) < len(self.uris):
            raise SettingsError("names a server twice", key="uris")
        for endpoint in self.endpoints:
            if fault := _fault_of_mode(endpoint, self.tls.mode):
                raise SettingsError(f"{endpoint}: {fault}", key="uris")
        if not self.secured and self.tls != TlsSettings(mode=self.tls.mode):
            raise SettingsError("none of these servers is spoken to over TLS; take the other keys out", key="tls")
        if (self.bind_dn is None) != (self.bind_password is None):
            raise SettingsError("write both bind_dn and bind_password, or none of them", key="bind_dn")
        if self.bind_password is not None and (not self.bind_dn or not self.bind_password.reveal()):
            key = "bind_password" if self.bind_dn else "bind_dn"
            raise SettingsError("is empty; to ask anonymously, write neither bind_dn nor bind_password", key=key)
        for key in ("connect_timeout", "timeout"):
            if getattr(self, key) == 0:
                raise SettingsError("must be longer than 0s", key=key)

    @property
    def secured(self) -> bool:
        """At least one server is spoken to over TLS."""
        return any(is_secured(endpoint, self.tls.mode) for endpoint in self.endpoints)

    def _check_people(self) -> None:
        if (self.user_dn is None) == (self.user_base is None):
            raise SettingsError(
                "write either user_base, below which people are searched for, or user_dn, if their DN follows from"
                " their name",
                key="user_base",
            )
        if self.user_dn is not None:
            _check("user_dn", self.user_dn, lambda text: dn_template(text, "username"))
            if self.user_scope is not None:
                raise SettingsError("nothing is searched with user_dn; take it out", key="user_scope")
        else:
            _check("user_base", self.user_base or "", check_dn)
        if self.user_filter is not None:
            _check("user_filter", self.user_filter, lambda text: filter_template(text, "username"))
        if self.known_elsewhere and not self.require_known:
            raise SettingsError("is for require_known: true; without it, nobody needs it", key="known_elsewhere")
        if self.default_domain is not None and not self.default_domain.strip("."):
            raise SettingsError("is empty; write the domain, such as corp.example.org", key="default_domain")

    def _check_groups(self) -> None:
        needs_groups = ("group_filter", "group_prefix", "nested", "nested_filter", "require_groups")
        for key in needs_groups:
            if self.group_base is None and getattr(self, key):
                raise SettingsError("needs group_base, below which groups are looked for", key=key)
        if self.attributes.member_of and self.group_base is None:
            raise SettingsError("attributes.member_of needs group_base: only groups below it count", key="attributes")
        if self.group_base is not None:
            _check("group_base", self.group_base, check_dn)
        if self.group_filter:
            _check("group_filter", self.group_filter, lambda text: filter_template(text, "username", "user_dn"))
        if self.group_base is not None and not (
            PRESETS[self.preset].group_filter if self.group_filter is None else self.group_filter
        ):
            member_of = self.attributes.member_of
            if not (PRESETS[self.preset].member_of if member_of is None else member_of):
                raise SettingsError("finds no groups without a group_filter or attributes.member_of", key="group_base")
        if not 0 <= self.nested <= 10:
            raise SettingsError("is how many levels of groups in groups are followed: 0 to 10", key="nested")
        if self.nested_filter is not None:
            if not self.nested:
                raise SettingsError("is for nested; write how many levels are followed", key="nested_filter")
            _check("nested_filter", self.nested_filter, lambda text: filter_template(text, "group_dn"))


def is_secured(endpoint: Endpoint, mode: str) -> bool:
    """Whether TLS is spoken to this server."""
    return endpoint.scheme == "ldaps" or (endpoint.scheme == "ldap" and mode == "starttls")


def _fault_of_mode(endpoint: Endpoint, mode: str) -> str | None:
    match endpoint.scheme, mode:
        case "ldaps", "starttls":
            return "StartTLS is for ldap://; ldaps:// is secured from the start: take tls.mode out"
        case "ldaps", "none":
            return "ldaps:// is always secured; take tls.mode out"
        case "ldap", "auto" if not endpoint.is_on_this_machine:
            return (
                "passwords would go over the network readably; write ldaps://, or tls: {mode: starttls}, or, if nobody"
                " else can listen on the way, tls: {mode: none}"
            )
    return None


def _check(key: str, text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except ValueError as error:
        raise SettingsError(str(error), key=key) from None
