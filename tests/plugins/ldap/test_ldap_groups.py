"""The groups of people: all of them, or an outage."""

import pytest
from fake_directory import BIND, BIND_ANSWER, SEARCH_DONE, answer, entry, operation, reference, result
from gitgate_ldap.errors import DirectoryError, Incomplete, Refused
from slapd import GROUPS, PEOPLE, SERVICE_PASSWORD, SUFFIX

from gitgate.plugin import Identity, Rejected


def _groups(answer):
    assert isinstance(answer, Identity), answer
    return sorted(answer.groups)


@pytest.mark.parametrize(
    ("username", "groups"),
    [("Alice", ["devs"]), ("jsmith", ["devs"]), ("bob", ["unique", "unix"]), ("carol", [])],
)
def test_each_kind_of_group_counts(username, groups, ldap, log_in):
    """groupOfNames, also for a DN with special characters; groupOfUniqueNames and posixGroup; and none at all."""
    assert _groups(log_in(ldap(), username)) == groups


def test_without_a_group_base_nobody_has_groups_and_nobody_asks(ldap, log_in, slapd):
    before = slapd.searches(GROUPS)
    assert _groups(log_in(ldap(group_base=None), "Alice")) == []
    assert slapd.searches(GROUPS) == before


@pytest.mark.parametrize(
    ("levels", "groups"),
    [
        (0, ["devs"]),
        (1, ["devs", "engineering"]),
        (2, ["devs", "engineering", "everybody"]),
        (3, ["circle", "devs", "engineering", "everybody"]),
        (10, ["circle", "devs", "engineering", "everybody"]),
    ],
)
def test_groups_in_groups_are_followed_as_far_as_it_is_wanted(levels, groups, ldap, log_in):
    assert _groups(log_in(ldap(nested=levels), "Alice")) == groups


def test_a_circle_of_groups_ends(ldap, log_in, slapd):
    """`everybody` is in `circle`, and `circle` is in `everybody`: at the fourth level, nothing is new."""
    before = slapd.searches(GROUPS)
    log_in(ldap(nested=10), "Alice")
    assert slapd.searches(GROUPS) - before == 5


def test_a_group_is_not_taken_for_a_user_of_its_name(ldap, log_in):
    """The posixGroup `unix` lists the member `devs`, a user that is not there. The group `devs` is no member of it."""
    assert "unix" not in _groups(log_in(ldap(nested=10), "Alice"))


def test_member_of_names_groups_below_group_base_and_no_others(ldap, log_in):
    """1. mallory may make groups of her own somewhere. 2. She makes one that is called as the administrators are."""
    plugin = ldap(group_filter="", attributes={"member_of": "memberOf"})
    assert _groups(log_in(plugin, "Alice")) == ["devs"]
    assert _groups(log_in(ldap(group_base=f"ou=roles,{SUFFIX}"), "Alice")) == ["admins"]


def test_groups_in_groups_are_found_from_member_of_as_well(ldap, log_in):
    plugin = ldap(group_filter="", attributes={"member_of": "memberOf"}, nested=1)
    assert _groups(log_in(plugin, "Alice")) == ["devs", "engineering"]


def test_group_prefix_stands_before_each_name(ldap, log_in):
    assert _groups(log_in(ldap(group_prefix="ldap:"), "bob")) == ["ldap:unique", "ldap:unix"]


def test_require_groups_names_them_as_the_directory_does(ldap, log_in):
    plugin = ldap(require_groups=["devs", "others"], group_prefix="ldap:")
    assert _groups(log_in(plugin, "Alice")) == ["ldap:devs"]
    assert log_in(plugin, "bob") == Rejected(f"uid=bob,{PEOPLE} is in none of the groups that require_groups names")


def test_require_groups_is_told_only_to_whom_has_the_right_password(ldap, log_in):
    assert log_in(ldap(require_groups=["devs"]), "bob", "wrong") == Rejected("wrong password")


def test_an_answer_that_is_cut_off_is_an_outage(ldap, log_in, slapd):
    """1. The server lists one group of two, and says that there are more. 2. A rule denies for the second."""
    plugin = ldap(bind_dn=f"cn=limited,{SUFFIX}", bind_password=SERVICE_PASSWORD)
    assert _groups(log_in(plugin, "Alice")) == ["devs"]
    with pytest.raises(Refused, match=r"(sizeLimitExceeded|adminLimitExceeded)"):
        log_in(plugin, "bob")


@pytest.mark.parametrize("code", [3, 4, 10, 11, 51, 80], ids=["time", "size", "referral", "admin", "busy", "other"])
def test_no_result_but_success_is_all_of_them(code, ldap, log_in, fake):
    """Also with a referral: the service account's password is not taken to the host that an answer names."""
    alice = entry(f"uid=alice,{PEOPLE}", uid="alice")
    groups = iter([[entry(f"cn=devs,{GROUPS}", cn="devs"), result(SEARCH_DONE, code, referral="ldap://127.0.0.1:1/")]])

    def reply(request):
        if operation(request) == BIND:
            return answer(request, result(BIND_ANSWER, 0))
        if b"groupOfNames" in request:
            return answer(request, *next(groups))
        return answer(request, alice, result(SEARCH_DONE, 0))

    with pytest.raises(Refused):
        log_in(ldap(uris=[fake(reply).uri]), "alice")


def _directory(person, *more):
    def reply(request):
        if operation(request) == BIND:
            return answer(request, result(BIND_ANSWER, 0))
        return answer(request, person, *more, result(SEARCH_DONE, 0))

    return reply


def test_a_part_of_an_attribute_is_an_outage(ldap, log_in, fake):
    """Active Directory sends the first 1,500 values, under a name that says so, and keeps the rest."""
    person = entry(f"uid=alice,{PEOPLE}", uid="alice", memberOf_range_0_1=f"cn=devs,{GROUPS}")
    plugin = ldap(uris=[fake(_directory(person)).uri], group_filter="", attributes={"member_of": "memberOf"})
    with pytest.raises(Incomplete, match=r"the server sends a part of memberof only"):
        log_in(plugin, "alice")


def test_a_reference_to_another_server_is_not_followed(ldap, log_in, fake):
    """1. An answer names another host. 2. ldap3 would go there, and bind with the service account's password."""
    other = fake(lambda request: None)
    person = entry(f"uid=alice,{PEOPLE}", uid="alice")
    server = fake(_directory(person, reference(f"{other.uri}/ou=people,{SUFFIX}")))
    assert _groups(log_in(ldap(uris=[server.uri], group_base=None), "alice")) == []
    assert other.connections == 0


def test_more_groups_than_anybody_is_in_are_an_outage(ldap, log_in, fake):
    """A directory that is all wrong, or groups that have groups without end: memory and time have a bound."""
    numbers = iter(range(10**6))

    def reply(request):
        if operation(request) == BIND:
            return answer(request, result(BIND_ANSWER, 0))
        if b"inetOrgPerson" in request:
            return answer(request, entry(f"uid=alice,{PEOPLE}", uid="alice"), result(SEARCH_DONE, 0))
        made = [next(numbers) for _ in range(300)]
        groups = [entry(f"cn=g{number},{GROUPS}", cn=f"g{number}") for number in made]
        return answer(request, *groups, result(SEARCH_DONE, 0))

    with pytest.raises(DirectoryError, match="somebody is in more than 2000 groups"):
        log_in(ldap(uris=[fake(reply).uri], nested=10), "alice")


def test_a_group_that_cannot_be_named_is_left_out_and_followed(ldap, log_in, another_slapd):
    directory = another_slapd()
    directory.change(
        f"dn: ou=unnamed,{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: two\ncn: names\nou: unnamed\n"
        f"member: uid=bob,{PEOPLE}\n\n"
        f"dn: cn=outer,{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: outer\n"
        f"member: ou=unnamed,{GROUPS}\n"
    )
    assert _groups(log_in(ldap(uris=[directory.ldap], nested=1), "bob")) == ["outer", "unique", "unix"]
