"""ssh keys from the directory, and what the directory says of people who have logged in another way."""

import base64

import pytest
from fake_directory import BIND, BIND_ANSWER, SEARCH_DONE, answer, operation, result
from gitgate_ldap.errors import DirectoryError
from gitgate_ldap.ssh_keys import key_blobs
from slapd import PEOPLE

from gitgate.plugin import ANONYMOUS, Identity, Password, PublicKey, Rejected
from gitgate.testing import a_peer, an_identity

ALICE = f"uid=Alice,{PEOPLE}"


def _blob(kind: str = "ssh-ed25519", content: bytes = b"x" * 32) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in (kind.encode(), content))


def _line(blob: bytes, kind: str = "ssh-ed25519") -> str:
    return f"{kind} {base64.b64encode(blob).decode()} somebody@laptop"


KEY = _blob()


def _add_keys(directory, *lines, attribute="sshPublicKey"):
    values = "".join(f"{attribute}:: {base64.b64encode(line.encode()).decode()}\n" for line in lines)
    directory.change(f"dn: {ALICE}\nadd: {attribute}\n{values}")


@pytest.fixture
def with_key(another_slapd):
    """A directory in which Alice has a key, and another."""
    directory = another_slapd()
    _add_keys(directory, _line(KEY), _line(_blob(content=b"y" * 32)))
    return directory


def test_a_key_that_is_listed_logs_in_with_groups(ldap, offer_key, with_key):
    plugin = ldap(uris=[with_key.ldap])
    assert offer_key(plugin, "alice", KEY) == Identity(
        name="Alice",
        groups=frozenset({"devs"}),
        attributes={"name": "Alice Liddell", "email": "alice@example.org"},
    )


@pytest.mark.parametrize(
    ("username", "blob"), [("alice", _blob(content=b"z" * 32)), ("bob", KEY), ("nobody", KEY), ("*", KEY)]
)
def test_a_key_that_is_not_listed_for_this_name_is_left_to_other_plugins(username, blob, ldap, offer_key, with_key):
    assert offer_key(ldap(uris=[with_key.ldap]), username, blob) is None


def test_a_key_of_somebody_whom_the_filter_leaves_out_is_rejected(ldap, offer_key, with_key):
    plugin = ldap(uris=[with_key.ldap], user_filter="(&(uid={username})(!(cn=Alice*)))")
    assert offer_key(plugin, "alice", KEY) == Rejected(f"user_filter leaves {ALICE} out")


def test_a_question_about_a_key_costs_what_an_answer_costs_and_once(ldap, offer_key, with_key):
    plugin = ldap(uris=[with_key.ldap])
    offer_key(plugin, "alice", KEY, verified=False)
    before = with_key.operations()
    assert offer_key(plugin, "alice", KEY, verified=True).name == "Alice"
    assert with_key.operations() == before


def test_keys_are_not_looked_for_where_no_attribute_has_them(ldap):
    assert ldap().accepts == (Password, PublicKey)
    assert ldap(attributes={"ssh_public_key": ""}).accepts == (Password,)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f'from="10.0.0.0/8" {_line(KEY)}', "begins with 'from=\"10.0.0.0/8\"', which is no type of key"),
        (f"restrict {_line(KEY)}", "begins with 'restrict'"),
        (_line(_blob("ssh-dss"), "ssh-dss"), "begins with 'ssh-dss'"),
        (_line(KEY, "ssh-rsa"), "says ssh-rsa, and is something else"),
        ("ssh-ed25519 not-base64!", "is not base64"),
        ("ssh-ed25519", "begins with 'ssh-ed25519'"),
        ("", "is empty"),
    ],
)
def test_a_value_that_cannot_be_used_lets_nobody_in(line, why, caplog):
    """`from=` says from where the key may be used. To drop it would let everybody in who has stolen the key."""
    with caplog.at_level("DEBUG"):
        assert key_blobs(ALICE, [line]) == frozenset()
    assert why in caplog.text


def test_the_other_keys_of_somebody_with_an_unusable_one_count():
    assert key_blobs(ALICE, ["command=x ssh-ed25519 AAAA", _line(KEY)]) == frozenset({KEY})


def test_whoever_logged_in_another_way_gets_the_directorys_groups(ldap):
    known = ldap().enrich_identity(an_identity("bob", "local"), a_peer())
    assert known == Identity(name="bob", groups=frozenset({"local", "unix", "unique"}), attributes={"name": "Bob"})


def test_the_name_stays_as_it_is_whatever_the_directorys_case(ldap):
    assert ldap().enrich_identity(an_identity("alice"), a_peer()).name == "alice"


def test_what_is_known_of_somebody_goes_before_what_the_directory_says(ldap):
    identity = Identity(name="bob", attributes={"name": "Robert", "room": "7"})
    known = ldap(group_base=None).enrich_identity(identity, a_peer())
    assert known is None
    assert ldap(group_base=None).enrich_identity(an_identity("bob"), a_peer()).attributes == {"name": "Bob"}


def test_somebody_who_has_left_does_not_get_in_with_a_key_from_elsewhere(ldap):
    """1. carol's key stands in a file. 2. She leaves, and is locked in the directory. 3. The file is forgotten."""
    plugin = ldap(user_filter="(&(uid={username})(!(employeeType=left)))")
    assert plugin.enrich_identity(an_identity("carol"), a_peer()) == Rejected(
        f"user_filter leaves uid=carol,{PEOPLE} out"
    )


def test_somebody_without_a_required_group_does_not_get_in_with_a_key_from_elsewhere(ldap):
    answer = ldap(require_groups=["devs"]).enrich_identity(an_identity("bob"), a_peer())
    assert answer == Rejected(f"uid=bob,{PEOPLE} is in none of the groups that require_groups names")


@pytest.mark.parametrize("ttl", ["60s", "0s"])
def test_people_who_type_an_address_are_known_by_their_name(ttl, ldap, log_in, offer_key, with_key):
    """And by nothing else: what is typed leads to an entry by user_filter alone, whatever has been looked up before."""
    plugin = ldap(
        uris=[with_key.ldap],
        user_filter="(&(mail={username})(!(employeeType=left)))",
        cache={"ttl": ttl, "negative_ttl": "0s"},
    )
    logins = [
        log_in(plugin, "alice@example.org", "Alice-password"),
        offer_key(plugin, "alice@example.org", KEY),
    ]
    assert [login.name for login in logins] == ["Alice", "Alice"]
    assert [plugin.enrich_identity(login, a_peer()) for login in logins] == [None, None]
    left_out = Rejected(f"user_filter leaves {ALICE} out")
    assert log_in(plugin, "Alice", "Alice-password") == left_out
    assert offer_key(plugin, "Alice", KEY) == left_out
    # Without an address, nobody can log in by this filter.
    assert plugin.enrich_identity(an_identity("bob"), a_peer()) == Rejected(f"user_filter leaves uid=bob,{PEOPLE} out")


@pytest.mark.parametrize("name", ["deploy", "a\nb", "x" * 300])
def test_of_somebody_it_does_not_know_it_says_nothing(name, ldap):
    assert ldap().enrich_identity(an_identity(name), a_peer()) is None


@pytest.mark.parametrize("name", ["dave", "a\nb"])
def test_with_require_known_somebody_it_does_not_know_does_not_get_in(name, ldap):
    """1. dave's key stands in a file. 2. He leaves, and is deleted from the directory."""
    plugin = ldap(require_known=True, known_elsewhere=["deploy"])
    assert plugin.enrich_identity(an_identity(name), a_peer()) == Rejected(
        "the directory does not know them (require_known)"
    )
    assert plugin.enrich_identity(an_identity("deploy"), a_peer()) is None
    assert plugin.enrich_identity(ANONYMOUS, a_peer()) is None


def test_who_has_just_logged_in_here_is_not_asked_about_again(ldap, log_in, another_slapd):
    directory = another_slapd()
    plugin = ldap(uris=[directory.ldap], lowercase_usernames=True)
    identity = log_in(plugin, "ALICE", "Alice-password")
    before = directory.operations()
    assert plugin.enrich_identity(identity, a_peer()) is None
    assert directory.operations() == before


def test_an_outage_does_not_let_people_in_without_a_look(ldap):
    with pytest.raises(DirectoryError):
        ldap(uris=["ldap://127.0.0.1:1"]).enrich_identity(an_identity("carol"), a_peer())


def test_a_directory_that_everybody_may_read_needs_no_service_account(ldap, offer_key, another_slapd):
    directory = another_slapd(anonymous="read")
    plugin = ldap(uris=[directory.ldap], bind_dn=None, bind_password=None)
    assert plugin.enrich_identity(an_identity("bob"), a_peer()).groups == {"unix", "unique"}
    direct = ldap(
        uris=[directory.ldap], bind_dn=None, bind_password=None, user_base=None, user_dn=f"uid={{username}},{PEOPLE}"
    )
    assert direct.enrich_identity(an_identity("bob"), a_peer()).groups == {"unix", "unique"}
    assert direct.enrich_identity(an_identity("dave"), a_peer()) is None


def test_a_key_does_not_keep_people_out_where_they_bind_as_themselves_and_nobody_else_may_ask(
    ldap, offer_key, log_in, another_slapd
):
    """1. A server refuses anonymous binds. 2. Anybody offers a key. 3. The server, taken for broken, is left alone, and
    passwords are not judged meanwhile.
    """
    directory = another_slapd(anonymous="refused")
    plugin = ldap(
        uris=[directory.ldap], bind_dn=None, bind_password=None, user_base=None, user_dn=f"uid={{username}},{PEOPLE}"
    )
    assert offer_key(plugin, "Alice", KEY) is None
    assert plugin.enrich_identity(an_identity("dave"), a_peer()) is None
    assert log_in(plugin, "bob").groups == {"unix", "unique"}
    (finding,) = plugin.check_online()
    assert (finding.is_problem, "a key alone reads nothing" in finding.text) == (False, True)


@pytest.mark.parametrize(
    ("code", "words", "is_told"),
    [
        (1, "000004DC: In order to perform this operation a successful bind must be completed", True),
        (50, "", True),
        (1, "out of memory", False),
        (51, "busy", False),
    ],
)
def test_a_server_that_answers_a_search_to_nobody_is_told_from_one_that_fails(code, words, is_told, ldap, fake):
    def reply(request):
        is_bind = operation(request) == BIND
        return answer(request, result(BIND_ANSWER, 0) if is_bind else result(SEARCH_DONE, code, words))

    nobody = {"uris": [fake(reply).uri], "bind_dn": None, "bind_password": None}
    direct = ldap(**nobody, user_base=None, user_dn=f"uid={{username}},{PEOPLE}")
    for plugin, has_no_opinion in ((direct, is_told), (ldap(**nobody), False)):
        if has_no_opinion:
            assert plugin.enrich_identity(an_identity("dave"), a_peer()) is None
        else:
            with pytest.raises(DirectoryError):
                plugin.enrich_identity(an_identity("dave"), a_peer())
