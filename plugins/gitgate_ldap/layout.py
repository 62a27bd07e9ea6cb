"""How people and groups are found in this directory: the settings, completed by the preset."""

from dataclasses import dataclass
from typing import Self

from gitgate_ldap.entries import Scope
from gitgate_ldap.presets import PRESETS
from gitgate_ldap.settings import LdapSettings
from gitgate_ldap.templates import Template, dn_template, filter_template


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """The names of attributes; empty where there is none."""

    username: str
    name: str
    email: str
    group: str
    member_of: str
    ssh_public_key: str

    @property
    def of_people(self) -> tuple[str, ...]:
        """All that is read of a person's entry."""
        names = (self.username, self.name, self.email, self.member_of, self.ssh_public_key)
        return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Either `user_dn` leads to people, or `user_base`. `named_filter` finds whoever has the
    name, also those whom `user_filter` leaves out. Without `group_base`, nobody has groups.
    """

    user_dn: Template | None
    user_base: str
    user_scope: Scope
    user_filter: Template
    named_filter: Template
    group_base: str
    group_filter: Template | None
    nested: int
    nested_filter: Template
    attributes: Attributes

    @classmethod
    def of(cls, settings: LdapSettings) -> Self:
        """The layout that checked settings describe."""
        preset = PRESETS[settings.preset]
        written = settings.attributes
        group_filter = preset.group_filter if settings.group_filter is None else settings.group_filter
        username = written.username or preset.username
        return cls(
            user_dn=dn_template(settings.user_dn, "username") if settings.user_dn else None,
            user_base=settings.user_base or "",
            user_scope=settings.user_scope or "sub",
            user_filter=filter_template(settings.user_filter or preset.user_filter, "username"),
            named_filter=filter_template(f"({username}={{username}})", "username"),
            group_base=settings.group_base or "",
            group_filter=filter_template(group_filter, "username", "user_dn") if group_filter else None,
            nested=settings.nested,
            nested_filter=filter_template(settings.nested_filter or preset.nested_filter, "group_dn"),
            attributes=Attributes(
                username=username,
                name=preset.name if written.name is None else written.name,
                email=preset.email if written.email is None else written.email,
                group=written.group or preset.group,
                member_of=preset.member_of if written.member_of is None else written.member_of,
                ssh_public_key=preset.ssh_public_key if written.ssh_public_key is None else written.ssh_public_key,
            ),
        )
