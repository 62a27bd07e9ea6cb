"""The groups of an Apache AuthGroupFile, and whom they reach."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_htpasswd import HtpasswdPlugin, HtpasswdSettings
from gitgate_htpasswd.groups import parse_groups
from gitgate_htpasswd.lines import MalformedFile
from hooks import answered
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import ANONYMOUS, Identity, Peer, Rejected, SettingsError

Load = Callable[..., HtpasswdPlugin]
LogIn = Callable[[HtpasswdPlugin, str, str], Identity | Rejected | None]

ALICE = "alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n"


@pytest.mark.parametrize(
    ("content", "groups"),
    [
        pytest.param("devs: alice bob\n", {"alice": {"devs"}, "bob": {"devs"}}, id="one line"),
        pytest.param("devs: alice\ndevs: bob\n", {"alice": {"devs"}, "bob": {"devs"}}, id="lines of a group merge"),
        pytest.param("a: alice\nb: alice alice\n", {"alice": {"a", "b"}}, id="a user in two groups, and twice in one"),
        pytest.param("# x: y\n\n \t\ndevs:alice\t bob", {"alice": {"devs"}, "bob": {"devs"}}, id="comments and blanks"),
        pytest.param("\ufeffdevs: alice\r\nops:\r\n", {"alice": {"devs"}}, id="byte order mark, CRLF, no members"),
        pytest.param("d e : \"Jean Luc\" 'x y'", {"Jean Luc": {"d e"}, "x y": {"d e"}}, id="names with blanks"),
        pytest.param("devs: o'brien a:b", {"o'brien": {"devs"}, "a:b": {"devs"}}, id="quotes and colons inside a name"),
        pytest.param("küche: jürgen", {"jürgen": {"küche"}}, id="UTF-8"),
        pytest.param("", {}, id="empty"),
    ],
)
def test_group_files_as_people_have_them_are_read(content: str, groups: dict[str, set[str]]) -> None:
    assert parse_groups(content.encode(), Path("groups")) == groups


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"devs alice\n", ":1: there is no colon; write `group: user user`"),
        (b"\n : alice\n", ":2: there is no group name before the colon"),
        (b"d\xff: alice\n", ":1: the group name is not UTF-8"),
        (b"devs: \xff\n", ":1: the list of users is not UTF-8"),
        (b"devs: al\x1bice\n", ":1: the list of users has a character that does not show"),
        (b"devs: 'alice\n", ":1: the quotes in the list of users do not match"),
        (b'devs: "alice"bob\n', ":1: the quotes in the list of users do not match"),
        (b'devs: ""\n', ":1: the quotes in the list of users do not match"),
        (b"devs: alice \\\nbob\n", ":1: a line cannot be continued; begin the next with `group:` again"),
    ],
)
def test_a_malformed_group_file_is_refused_with_its_line(
    content: bytes, problem: str, load: Load, groups_file: Path
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(ALICE, content)

    assert (str(caught.value), caught.value.key) == (f"{groups_file}{problem}", "groups")


def test_a_missing_group_file_is_refused(load: Load, users_file: Path, groups_file: Path) -> None:
    load(ALICE)

    with pytest.raises(SettingsError) as caught:
        HtpasswdPlugin(HtpasswdSettings(file=users_file, groups=groups_file))

    assert (str(caught.value), caught.value.key) == (
        f"{groups_file}: cannot be read: No such file or directory",
        "groups",
    )


def test_who_logs_in_with_a_password_has_the_groups(load: Load, log_in: LogIn) -> None:
    plugin = load(ALICE, "devs: alice\nops: bob alice\nadmins: bob\n")

    assert log_in(plugin, "alice", "correct horse") == Identity(name="alice", groups=frozenset({"devs", "ops"}))


def test_who_logs_in_with_a_key_gets_the_groups_and_keeps_what_is_known(load: Load, peer: Peer) -> None:
    plugin = load(ALICE, "devs: bob\n")
    from_key = Identity(name="bob", groups=frozenset({"ops"}), attributes={"email": "bob@example.org"})

    enriched = answered(plugin.enrich_identity(from_key, peer))

    assert enriched == Identity(name="bob", groups=frozenset({"ops", "devs"}), attributes={"email": "bob@example.org"})


@pytest.mark.parametrize("groups", ["devs: alice\n", "", None])
def test_there_is_nothing_to_add_for_who_has_just_logged_in_here(
    groups: str | None, load: Load, log_in: LogIn, peer: Peer
) -> None:
    plugin = load(ALICE, groups)
    identity = log_in(plugin, "alice", "correct horse")
    assert isinstance(identity, Identity)

    assert answered(plugin.enrich_identity(identity, peer)) is None


def test_strangers_get_no_groups_from_the_name_anonymous(load: Load, peer: Peer) -> None:
    """Attack: a user called "anonymous" is put into a group, and with it everybody who has not logged in."""
    plugin = load(ALICE, "devs: anonymous\n")

    assert answered(plugin.enrich_identity(ANONYMOUS, peer)) is None


@given(st.one_of(st.binary(max_size=200), st.text("ab \t'\":\\#\n\r", max_size=60).map(str.encode)))
def test_no_content_makes_the_parser_raise_anything_but_its_own_error(content: bytes) -> None:
    with contextlib.suppress(MalformedFile):
        groups = parse_groups(content, Path("groups"))

        assert all(user and "" not in names for user, names in groups.items())
