"""What differs between directories: filters and attributes, as the products set them up."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

PresetName: TypeAlias = Literal["openldap", "active-directory", "freeipa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Values for the settings of the same names. An empty text: not asked for."""

    user_filter: str
    group_filter: str
    nested_filter: str
    username: str
    name: str = "cn"
    email: str = "mail"
    group: str = "cn"
    member_of: str = ""
    ssh_public_key: str = ""


PRESETS: Final[dict[PresetName, Preset]] = {
    "openldap": Preset(
        user_filter="(&(|(objectClass=inetOrgPerson)(objectClass=posixAccount))(uid={username}))",
        group_filter=(
            "(|(&(objectClass=groupOfNames)(member={user_dn}))"
            "(&(objectClass=groupOfUniqueNames)(uniqueMember={user_dn}))"
            "(&(objectClass=posixGroup)(memberUid={username})))"
        ),
        nested_filter="(|(member={group_dn})(uniqueMember={group_dn}))",
        username="uid",
        ssh_public_key="sshPublicKey",
    ),
    # 1.2.840.113556.1.4.803 is "all of these bits are set", and bit 2 of userAccountControl a disabled account;
    # 1.2.840.113556.1.4.1941 follows groups in groups ([MS-ADTS] 3.1.1.3.4.4 and 2.2.16).
    "active-directory": Preset(
        user_filter=(
            "(&(objectCategory=person)(objectClass=user)(sAMAccountName={username})"
            "(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
        ),
        group_filter="(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={user_dn}))",
        nested_filter="(&(objectClass=group)(member={group_dn}))",
        username="sAMAccountName",
    ),
    # FreeIPA keeps memberOf complete, groups in groups included.
    "freeipa": Preset(
        user_filter="(&(objectClass=posixAccount)(uid={username})(!(nsAccountLock=TRUE)))",
        group_filter="",
        nested_filter="(member={group_dn})",
        username="uid",
        member_of="memberOf",
        ssh_public_key="ipaSshPubKey",
    ),
}
