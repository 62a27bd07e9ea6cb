"""Which names a pattern means."""

import pytest
from gitgate_tree import CreateOnPush
from gitgate_tree.patterns import name_pattern

from gitgate.plugin import SettingsError


@pytest.mark.parametrize(
    ("pattern", "name", "user", "meant"),
    [
        ("**", "app", None, True),
        ("**", "a/b/c", None, True),
        ("*", "app", None, True),
        ("*", "a/b", None, False),
        ("team/*", "team/app", None, True),
        ("team/*", "team/a/b", None, False),
        ("team/**", "team/a/b", None, True),
        ("team/**", "team", None, True),
        ("team/**", "teams/a", None, False),
        ("**/mirror", "a/b/mirror", None, True),
        ("a/**/b/**/c", "a/x/b/y/z/c", None, True),
        ("a/**/b/**/c", "a/x/y/z/c", None, False),
        ("app-?", "app-1", None, True),
        ("app-?", "app-12", None, False),
        ("App", "app", None, False),
        ("users/{user}/**", "users/alice/app", "alice", True),
        ("users/{user}/**", "users/alice/app", "bob", False),
        ("users/{user}/**", "users/alice/app", None, False),
        ("users/{user}/*", "users/alice", "alice", False),
    ],
)
def test_a_pattern_means_what_it_means_in_rules(pattern: str, name: str, user: str | None, meant: bool) -> None:
    assert name_pattern(pattern)(tuple(name.split("/")), user) is meant


@pytest.mark.parametrize(
    "text",
    ["", "/a", "a/", "a//b", "a**", "**a", "***", "[ab]", "!a", "{group}", "x{user}", "a b", "a\\*", "a.git", "ü"],
)
def test_a_pattern_that_could_never_match_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        CreateOnPush(names=(text,))

    assert caught.value.key == "names"


def test_no_patterns_at_all_are_refused() -> None:
    with pytest.raises(SettingsError, match="is empty, so that nothing could be made") as caught:
        CreateOnPush(names=())

    assert caught.value.key == "names"
