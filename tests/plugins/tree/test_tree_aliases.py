"""Old names of repositories that were renamed."""

import logging
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pytest
from gitgate_tree import Alias, Root, TreePlugin, TreeSettings
from hooks import answered

from gitgate.plugin import ANONYMOUS, GitRequest, Missing, Repository, SettingsError
from gitgate.testing import a_fetch, a_push, an_identity

Make: TypeAlias = Callable[..., Path]


def _plugin(
    root: Path, aliases: Mapping[str, str | Alias], *, create_on_push: bool = False, today: date = date(2026, 7, 1)
) -> TreePlugin:
    return TreePlugin(TreeSettings(root=root, aliases=aliases, create_on_push=create_on_push), today=lambda: today)


@pytest.mark.parametrize("ask", [a_fetch, a_push])
@pytest.mark.parametrize("path", ["/old/name", "/old/name.git"])
def test_an_alias_leads_to_the_new_name_and_tells_the_new_path(
    root: Path, make: Make, path: str, ask: Callable[[str], GitRequest]
) -> None:
    """The name, which rules judge, is the new one: who may not read it learns nothing by an old name."""
    directory = make(root / "new" / "name.git", "--bare")
    plugin = _plugin(root, {"old/name": "new/name"})

    answer = answered(plugin.resolve_path(ANONYMOUS, ask(path)))

    assert answer == Repository(directory=directory, name="new/name", moved_to="/new/name")


def test_the_new_name_itself_has_not_moved(root: Path, make: Make) -> None:
    directory = make(root / "new.git", "--bare")
    plugin = _plugin(root, {"old": "new"})

    assert answered(plugin.resolve_path(ANONYMOUS, a_fetch("/new"))) == Repository(directory=directory, name="new")


def test_a_repository_that_was_renamed_twice_is_found_by_its_first_name(root: Path, make: Make) -> None:
    directory = make(root / "c.git", "--bare")
    plugin = _plugin(root, {"a": "b", "b": Alias(to="c", until="2026-07-01")})

    answer = answered(plugin.resolve_path(ANONYMOUS, a_fetch("/a")))

    assert answer == Repository(directory=directory, name="c", moved_to="/c")


@pytest.mark.parametrize("old", ["/a", "/b"])
def test_after_its_last_day_an_alias_leads_nowhere(root: Path, make: Make, old: str) -> None:
    directory = make(root / "c.git", "--bare")
    aliases: dict[str, str | Alias] = {"a": "b", "b": Alias(to="c", until="2026-07-01")}

    answers = [
        answered(_plugin(root, aliases, today=today).resolve_path(ANONYMOUS, a_fetch(old)))
        for today in (date(2026, 7, 1), date(2026, 7, 2))
    ]

    assert answers == [
        Repository(directory=directory, name="c", moved_to="/c"),
        Missing("the alias b -> c ended on 2026-07-01"),
    ]


def test_an_alias_that_leads_nowhere_is_missing_and_is_logged_at_start(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = _plugin(root, {"older": "old", "old": "new"})

    answer = answered(plugin.resolve_path(ANONYMOUS, a_fetch("/old")))

    assert answer == Missing(f"no repository at {root}/new")
    assert caplog.messages == [f"aliases: old -> new leads nowhere: no repository at {root}/new"]


def test_an_alias_goes_before_a_repository_of_its_name_and_that_is_logged_at_start(
    root: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    make(root / "old.git", "--bare")
    new = make(root / "new.git", "--bare")
    plugin = _plugin(root, {"old": "new"})

    answer = answered(plugin.resolve_path(ANONYMOUS, a_fetch("/old")))

    assert answer == Repository(directory=new, name="new", moved_to="/new")
    assert caplog.messages == ["aliases: old -> new hides the repository that is called old"]


def test_an_alias_that_works_is_not_worth_a_line_in_the_log(
    root: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    make(root / "new.git", "--bare")

    with caplog.at_level(logging.DEBUG):
        _plugin(root, {"old": "new"})

    assert caplog.messages == []


@pytest.fixture
def tenants(tmp_path: Path, root: Path) -> tuple[Root, ...]:
    (tmp_path / "customer").mkdir()
    return (
        Root(root=root, prefix="attic"),
        Root(root=tmp_path / "customer", prefix="customer", hosts=("customer.example",)),
    )


def test_a_tenants_alias_tells_the_path_by_which_the_tenant_asks(
    tmp_path: Path, make: Make, tenants: tuple[Root, ...]
) -> None:
    directory = make(tmp_path / "customer" / "new.git", "--bare")
    plugin = TreePlugin(TreeSettings(roots=tenants, aliases={"customer/old": "customer/new"}))

    answer = answered(plugin.resolve_path(ANONYMOUS, a_fetch("/old", host="customer.example")))

    assert answer == Repository(directory=directory, name="customer/new", moved_to="/new")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("customer/old", "attic/new", "those who reach the one do not reach the other"),
        ("attic/old", "customer/new", "those who reach the one do not reach the other"),
        ("old", "attic/new", "no root has the prefix"),
        ("attic/old", "new", "no root has the prefix"),
    ],
)
def test_an_alias_between_those_who_do_not_meet_is_refused(
    tenants: tuple[Root, ...], old: str, new: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        TreePlugin(TreeSettings(roots=tenants, aliases={old: new}))

    assert caught.value.key == "aliases"


@pytest.mark.parametrize(
    ("aliases", "circle"),
    [
        ({"a": "a"}, "a -> a"),
        ({"a": "b", "b": "a"}, "a -> b -> a"),
        ({"x": "a", "a": "b", "b": "a"}, "x -> a -> b -> a"),
    ],
)
def test_aliases_that_lead_round_in_a_circle_are_refused(root: Path, aliases: dict[str, str], circle: str) -> None:
    with pytest.raises(SettingsError, match=f"these lead round in a circle: {circle}") as caught:
        _plugin(root, aliases)

    assert caught.value.key == "aliases"


@pytest.mark.parametrize("text", ["/old", "old/", "old.git", "", "a//b", "../a", ".a", "a\nb"])
def test_names_of_aliases_are_names(root: Path, text: str) -> None:
    for aliases in ({text: "new"}, {"old": text}):
        with pytest.raises(SettingsError, match="write a name like team/app"):
            TreeSettings(root=root, aliases=aliases)
    with pytest.raises(SettingsError, match="write a name like team/app"):
        Alias(to=text)


@pytest.mark.parametrize("text", ["2027", "2027-02-30", "20270101", "2027-1-1", "tomorrow", "2027-01-01T00:00", ""])
def test_the_end_of_an_alias_is_a_day(text: str) -> None:
    with pytest.raises(SettingsError, match="write a day as 2027-01-31") as caught:
        Alias(to="new", until=text)

    assert caught.value.key == "until"


# Attacks


@pytest.mark.parametrize("path", ["/old/name", "/old/name.git"])
@pytest.mark.parametrize("until", [None, "2026-06-30"], ids=["in force", "ended"])
def test_old_name_taken_by_create_on_push(root: Path, path: str, until: str | None) -> None:
    """Everybody's clones still push to the old name of a renamed repository.

    1. Mallory may create repositories, and pushes one to the old name.
    2. From then on she gets what the others push, and they get what she has put there.
    """
    plugin = _plugin(root, {"old/name": Alias(to="new/name", until=until)}, create_on_push=True)

    answer = answered(plugin.resolve_path(an_identity("mallory"), a_push(path)))

    assert isinstance(answer, Missing)


def test_old_name_reached_through_a_link(root: Path, make: Make) -> None:
    """Of a name that is an alias there is one repository: the new one. A link must not bring the other one back."""
    old = make(root / "old.git", "--bare")
    make(root / "new.git", "--bare")
    (root / "link.git").symlink_to("old.git")
    plugin = _plugin(root, {"old": "new"})

    answer = answered(plugin.resolve_path(ANONYMOUS, a_fetch("/link")))

    assert answer == Missing(f"{old} has the name old, which is an alias for another repository")
