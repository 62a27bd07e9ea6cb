"""A login with a password: who is found, as whom they are bound, and what they are called."""

import re
from typing import Any

import pytest
from gitgate_ldap.errors import DirectoryError
from slapd import GROUPS, PEOPLE, SERVICE, SUFFIX

from gitgate.plugin import Identity, Rejected

JSMITH = f"cn=Smith\\2C John (ext.) \u00dc,{PEOPLE}"


def test_the_name_is_the_directorys_and_not_the_one_that_was_typed(ldap, log_in):
    """Otherwise `ALICE` would not be denied what a rule denies to `Alice`."""
    assert log_in(ldap(group_base=None), "aLICE", "Alice-password") == Identity(
        name="Alice", attributes={"name": "Alice Liddell", "email": "alice@example.org"}
    )


def test_lowercase_usernames_makes_it_lower_case(ldap, log_in):
    assert log_in(ldap(lowercase_usernames=True), "Alice").name == "alice"


def test_somebody_with_two_names_is_called_by_the_one_in_their_dn(ldap, log_in):
    assert log_in(ldap(), "zwilling", "twin-password").name == "twin"


def test_somebody_with_two_names_and_none_in_the_dn_has_no_name(ldap, log_in, another_slapd):
    directory = another_slapd()
    directory.change(f"dn: {JSMITH.replace('Ü', chr(92) + 'C3' + chr(92) + '9C')}\nadd: uid\nuid: john\n")
    answer = log_in(ldap(uris=[directory.ldap]), "john", "jsmith-password")
    assert answer == Rejected(f"{JSMITH} has 2 values of uid, and its DN names none of them")


def test_a_name_that_gitgate_cannot_use_is_nobodys(ldap, log_in, another_slapd):
    directory = another_slapd()
    directory.change(
        f"dn: cn=odd,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: odd\nsn: odd\n"
        "uid:: YQpi\nmail: odd@example.org\nuserPassword: odd-password\n"
    )
    plugin = ldap(uris=[directory.ldap], user_filter="(mail={username})")
    assert log_in(plugin, "odd@example.org", "odd-password") == Rejected(
        f"cn=odd,{PEOPLE}: uid 'a\\nb' is not a name that anybody could have"
    )


def test_the_name_anonymous_is_nobodys(ldap, log_in):
    """The entry is there, with that password: it must not become the identity of those who have not logged in."""
    assert log_in(ldap(), "anonymous") is None
    assert log_in(ldap(user_filter="(cn={username})"), "Somebody", "anonymous-password") == Rejected(
        f"uid=anonymous,{PEOPLE}: uid 'anonymous' is reserved"
    )


def test_a_dn_with_commas_brackets_and_umlauts_logs_in_with_its_groups(ldap, log_in):
    assert log_in(ldap(), "jsmith") == Identity(
        name="jsmith", groups=frozenset({"devs"}), attributes={"name": "Smith, John (ext.) Ü"}
    )


def test_a_filter_that_finds_two_people_logs_in_neither(ldap, log_in, slapd):
    before = len(slapd.operations())
    answer = log_in(ldap(), "double")
    assert isinstance(answer, Rejected)
    assert answer.reason.startswith("user_filter finds several entries for 'double', such as uid=double,")
    assert [operation.split()[2] for operation in slapd.operations()[before:]] == ["BIND", "SRCH"]


def test_user_scope_one_does_not_look_further_down(ldap, log_in):
    assert log_in(ldap(user_scope="one"), "double").name == "double"


def test_three_entries_are_as_many_as_two(ldap, log_in):
    """The request is for two at most, and slapd says that there are more: an error, but not an outage."""
    answer = log_in(ldap(user_filter="(&(objectClass=inetOrgPerson)(!(uid={username})))"), "nobody", "x")
    assert isinstance(answer, Rejected)
    assert answer.reason.startswith("user_filter finds several entries for 'nobody'")


def test_somebody_whom_the_filter_leaves_out_is_rejected_and_not_unknown(ldap, log_in, slapd):
    """None would let a plugin further down log in whom the directory has locked."""
    binds_before = slapd.binds(f"uid=carol,{PEOPLE}")
    plugin = ldap(user_filter="(&(uid={username})(!(employeeType=left)))")
    assert log_in(plugin, "carol") == Rejected(f"user_filter leaves uid=carol,{PEOPLE} out")
    assert slapd.binds(f"uid=carol,{PEOPLE}") == binds_before


HOSTILE = ["*", "a*", "alice)(uid=*", "*)(objectClass=*", "alice\\2a", "x,dc=evil", "(|(uid=*))", "uid=alice"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_change_the_filter(name, ldap, log_in):
    """1. mallory logs in as `a*`, with a password that somebody has. 2. `(uid=a*)` finds Alice. 3. mallory is Alice."""
    assert log_in(ldap(), name, "Alice-password") is None


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_change_the_dn(name, ldap, log_in, slapd):
    """1. mallory logs in as `mallory,ou=elsewhere`. 2. The bind is as an entry that mallory may have made."""
    plugin = ldap(user_base=None, user_dn=f"uid={{username}},{PEOPLE}")
    assert not isinstance(log_in(plugin, name, "Alice-password"), Identity)
    assert not isinstance(log_in(plugin, f"double,ou=elsewhere,{PEOPLE}", "double-password"), Identity)


UNUSABLE_NAMES = ["", " ", "a\0", "a\nb", "a\x1b[31m", "\ud800", "x" * 256, "anonymous"]
UNUSABLE_PASSWORDS = ["", " ", "\t", "\0", "Alice-password\0", "a\nb", "\x7f", "\ud800", "x" * 1025]


@pytest.mark.parametrize("name", UNUSABLE_NAMES)
def test_a_name_that_nobody_can_have_is_not_asked_about(name, ldap, log_in, slapd):
    before = slapd.operations()
    assert log_in(ldap(), name, "x") is None
    assert slapd.operations() == before


@pytest.mark.parametrize("password", UNUSABLE_PASSWORDS)
def test_a_password_that_means_something_else_to_a_server_is_not_sent(password, ldap, log_in, slapd):
    """1. mallory logs in as alice with no password. 2. To a server, that is a login as nobody, which succeeds."""
    before = slapd.operations()
    answers = [
        log_in(ldap(), "alice", password),
        log_in(ldap(user_base=None, user_dn="uid={username},dc=x"), "alice", password),
    ]
    assert [type(answer) for answer in answers] == [Rejected, Rejected]
    assert slapd.operations() == before


@pytest.mark.parametrize("password", ["ü€😀 ﬁ", " leading and trailing "])
def test_a_password_reaches_the_server_as_it_was_typed(password, ldap, log_in, another_slapd):
    """SASLprep, which ldap3 applies to texts, refuses some passwords and makes one of several others."""
    import base64

    directory = another_slapd()
    coded = base64.b64encode(password.encode()).decode()
    directory.change(f"dn: uid=bob,{PEOPLE}\nreplace: userPassword\nuserPassword:: {coded}\n")
    plugin = ldap(uris=[directory.ldap])
    assert log_in(plugin, "bob", password).name == "bob"
    assert log_in(plugin, "bob", password.replace("ﬁ", "fi").strip()) == Rejected("wrong password")


@pytest.mark.parametrize("username", ["bob", "jsmith"])
def test_a_login_is_one_bind_with_the_password_and_so_is_a_wrong_one(username, ldap, log_in, another_slapd):
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap, directory.ldaps], tls={"ca_file": str(directory.ca_file)})
    log_in(plugin, username, "wrong")
    log_in(plugin, username)
    [results] = {dn: directory.binds(dn) for dn in (f"uid=bob,{PEOPLE}", JSMITH) if directory.binds(dn)}.values()
    assert results == [49, 0]


def test_each_password_is_bound_on_a_connection_of_its_own(ldap, log_in, another_slapd):
    """A connection that was used before is somebody: with it, what the wrong password could not do would be done."""
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap])
    for password in ("wrong", None, "wrong again"):
        log_in(plugin, "bob", password)
    connections = re.findall(rf'(conn=\d+) op=0 BIND dn="uid=bob,{PEOPLE}" method=128', directory.log())
    assert len(connections) == len(set(connections)) == 3


def test_a_person_without_a_password_does_not_log_in(ldap, log_in):
    assert log_in(ldap(), "nopassword", "x") == Rejected("wrong password")


def test_what_people_type_before_or_after_their_name_is_their_domain(ldap, log_in):
    plugin = ldap(default_domain="corp.example.org")
    typed = ["bob", "bob@corp.example.org", "BOB@Corp.Example.ORG", "CORP\\bob", "corp.example.org\\bob"]
    assert [log_in(plugin, name, "bob-password").name for name in typed] == ["bob"] * 5
    others = ["bob@example.org", "other\\bob", "bob@", "\\bob", "bob@corp.example.org@corp.example.org"]
    assert [log_in(plugin, name, "bob-password") for name in others] == [None] * 5
    assert log_in(ldap(), "bob@corp.example.org", "bob-password") is None


def test_somebody_bound_directly_is_read_as_themselves(ldap, log_in, slapd):
    plugin = ldap(user_base=None, user_dn=f"uid={{username}},{PEOPLE}", bind_dn=None, bind_password=None)
    assert log_in(plugin, "bob") == Identity(
        name="bob", groups=frozenset({"unix", "unique"}), attributes={"name": "Bob"}
    )


def test_somebody_bound_directly_whom_the_filter_leaves_out_is_rejected(ldap, log_in):
    plugin = ldap(user_base=None, user_dn=f"uid={{username}},{PEOPLE}", user_filter="(&(uid={username})(mail=*))")
    assert log_in(plugin, "bob") == Rejected(f"user_filter leaves uid=bob,{PEOPLE} out")


def test_somebody_bound_directly_whose_entry_cannot_be_read_is_told_so_to_the_operator(ldap, log_in):
    plugin = ldap(user_base=None, user_dn=f"uid={{username}},{PEOPLE}", bind_dn=f"cn=groups-only,{SUFFIX}")
    assert log_in(plugin, "bob") == Rejected(
        f"uid=bob,{PEOPLE} may not be read, so nobody knows who that is; write a bind_dn that may read it"
    )


def test_a_base_that_is_not_there_is_an_outage_and_not_an_unknown_name(ldap, log_in):
    with pytest.raises(
        DirectoryError, match="below ou=nobody,dc=example,dc=org: noSuchObject; there is no such entry, or"
    ):
        log_in(ldap(user_base=f"ou=nobody,{SUFFIX}"), "bob")


def test_a_wrong_password_of_the_service_account_is_an_outage_and_not_an_unknown_name(ldap, log_in):
    with pytest.raises(DirectoryError, match="bind_dn and bind_password are not accepted: invalidCredentials"):
        log_in(ldap(bind_password="wrong"), "bob")


def test_a_wrong_password_of_the_service_account_is_not_sent_with_every_login(ldap, log_in, another_slapd, clock):
    """1. Somebody changes the account's password. 2. Each login binds with the old one. 3. The account is locked."""
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], bind_password="wrong")
    for _ in range(20):
        with pytest.raises(DirectoryError):
            log_in(plugin, "bob")
    assert directory.binds(SERVICE) == [49]
    clock.advance(1.0)
    with pytest.raises(DirectoryError):
        log_in(plugin, "bob")
    assert directory.binds(SERVICE) == [49, 49]


def test_the_steps_of_a_login_are_logged_without_the_password(ldap, log_in, slapd, caplog):
    plugin = ldap()
    with caplog.at_level("DEBUG"):
        log_in(plugin, "jsmith", "wrong-guess")
        log_in(plugin, "jsmith")
    found = "(&(|(objectClass=inetOrgPerson)(objectClass=posixAccount))(uid=jsmith))"
    assert caplog.messages == [
        f"{slapd.ldap}: connected as {SERVICE}",
        f"'jsmith': found {JSMITH} with {found}",
        f"{slapd.ldap}: bind as {JSMITH}: invalidCredentials (wrong password)",
        f"'jsmith': found {JSMITH} with {found}",
        f"{slapd.ldap}: bind as {JSMITH}: ok",
        f"groups of {JSMITH}: devs",
    ]


def test_neither_the_plugin_nor_its_settings_show_a_secret(ldap):
    plugin: Any = ldap()
    shown = repr(plugin) + repr(vars(plugin)) + repr(plugin._settings)
    assert "service-password" not in shown
    assert GROUPS in shown
