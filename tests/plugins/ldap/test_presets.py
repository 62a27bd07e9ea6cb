"""Each preset finds the people, groups and keys of its product, in a directory with that product's attributes."""

import base64

import pytest
from fake_directory import BIND, BIND_ANSWER, SEARCH_DONE, answer, entry, operation, result
from slapd import GROUPS, PEOPLE

from gitgate.plugin import Identity, Rejected

BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0 " + b"k" * 32

ACTIVE_DIRECTORY = f"""
dn: cn=Alice Liddell,{PEOPLE}
changetype: add
objectClass: user
cn: Alice Liddell
sn: Liddell
sAMAccountName: ALiddell
mail: alice@corp.example.org
objectCategory: person
userAccountControl: 512
userPassword: alice-password

dn: cn=Carol Clean,{PEOPLE}
changetype: add
objectClass: user
cn: Carol Clean
sn: Clean
sAMAccountName: carol
objectCategory: person
userAccountControl: 514
userPassword: carol-password

dn: cn=Developers,{GROUPS}
changetype: add
objectClass: group
cn: Developers
member: cn=Alice Liddell,{PEOPLE}
"""

FREEIPA = f"""
dn: uid=dave,{PEOPLE}
changetype: add
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: ipaUser
uid: dave
cn: Dave
sn: Diver
uidNumber: 1001
gidNumber: 1001
homeDirectory: /home/dave
ipaSshPubKey: ssh-ed25519 {base64.b64encode(BLOB).decode()} dave@laptop
userPassword: dave-password

dn: uid=eve,{PEOPLE}
changetype: add
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: ipaUser
uid: eve
cn: Eve
sn: Elsewhere
uidNumber: 1002
gidNumber: 1002
homeDirectory: /home/eve
nsAccountLock: TRUE
userPassword: eve-password

dn: cn=devs,{GROUPS}
changetype: modify
add: member
member: uid=dave,{PEOPLE}
"""


@pytest.mark.parametrize("typed", ["aliddell", "CORP\\ALiddell", "aliddell@corp.example.org"])
def test_active_directory(typed, ldap, log_in, another_slapd):
    """But for its rule for groups in groups, which no other server has."""
    directory = another_slapd()
    directory.change(ACTIVE_DIRECTORY)
    plugin = ldap(
        uris=[directory.ldap],
        preset="active-directory",
        group_filter="(&(objectClass=group)(member={user_dn}))",
        default_domain="corp.example.org",
        lowercase_usernames=True,
    )
    assert log_in(plugin, typed, "alice-password") == Identity(
        name="aliddell",
        groups=frozenset({"Developers"}),
        attributes={"name": "Alice Liddell", "email": "alice@corp.example.org"},
    )
    assert log_in(plugin, "carol", "carol-password") == Rejected(f"user_filter leaves cn=Carol Clean,{PEOPLE} out")


def test_active_directory_is_asked_for_the_groups_of_groups(ldap, log_in, fake):
    dn = f"cn=Alice,{PEOPLE}"

    def controller(request):
        if operation(request) == BIND:
            return answer(request, result(BIND_ANSWER, 0))
        is_for_groups = b"1.2.840.113556.1.4.1941" in request and dn.encode() in request
        found = entry(f"cn=Nested,{GROUPS}", cn="Nested") if is_for_groups else entry(dn, sAMAccountName="alice")
        return answer(request, found, result(SEARCH_DONE, 0))

    plugin = ldap(uris=[fake(controller).uri], preset="active-directory")
    assert log_in(plugin, "alice", "x") == Identity(name="alice", groups=frozenset({"Nested"}))


def test_freeipa(ldap, log_in, offer_key, another_slapd):
    directory = another_slapd()
    directory.change(FREEIPA)
    plugin = ldap(uris=[directory.ldap], preset="freeipa")
    dave = Identity(name="dave", groups=frozenset({"devs"}), attributes={"name": "Dave"})
    assert (log_in(plugin, "dave"), offer_key(plugin, "dave", BLOB)) == (dave, dave)
    assert log_in(plugin, "eve") == Rejected(f"user_filter leaves uid=eve,{PEOPLE} out")
