"""A repository that was found is taken to be there for a second by who reads it; nothing else is remembered."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from gitgate_tree import TreePlugin, TreeSettings
from hand_clock import HandClock
from hooks import answered

from gitgate.plugin import ANONYMOUS, Missing, Repository
from gitgate.testing import a_fetch, a_push, an_identity

Make: TypeAlias = Callable[..., Path]


@pytest.fixture
def clock() -> HandClock:
    return HandClock(0.0)


@pytest.fixture
def plugin(root: Path, clock: HandClock) -> TreePlugin:
    return TreePlugin(TreeSettings(root=root, create_on_push=True), clock=clock)


def test_what_was_found_is_not_looked_for_again_within_a_second(
    root: Path, make: Make, plugin: TreePlugin, clock: HandClock
) -> None:
    directory = make(root / "app.git", "--bare")
    found = Repository(directory=directory, name="app")
    assert answered(plugin.resolve_path(ANONYMOUS, a_fetch("/app"))) == found
    shutil.rmtree(directory)
    clock.now = 0.9
    assert answered(plugin.resolve_path(ANONYMOUS, a_fetch("/app.git"))) == found
    clock.now = 1.1
    assert answered(plugin.resolve_path(ANONYMOUS, a_fetch("/app"))) == Missing(f"no repository at {root}/app")


def test_what_was_missing_is_looked_for_again(root: Path, make: Make, plugin: TreePlugin) -> None:
    assert isinstance(answered(plugin.resolve_path(ANONYMOUS, a_fetch("/app"))), Missing)
    directory = make(root / "app.git", "--bare")
    assert answered(plugin.resolve_path(ANONYMOUS, a_fetch("/app"))) == Repository(directory=directory, name="app")


def test_a_push_looks_itself_and_may_make_what_was_removed_a_moment_ago(
    root: Path, make: Make, plugin: TreePlugin
) -> None:
    """It was told that nothing is there: git did not find what the memory promised."""
    alice, directory = an_identity("alice"), make(root / "app.git", "--bare")
    for request in (a_fetch("/app"), a_push("/app")):
        assert answered(plugin.resolve_path(alice, request)) == Repository(directory=directory, name="app")
    shutil.rmtree(directory)
    promised = Repository(directory=directory, name="app", exists=False)
    assert answered(plugin.resolve_path(alice, a_push("/app"))) == promised


def test_a_push_looks_itself_where_a_repository_leads_elsewhere_by_now(
    root: Path, make: Make, plugin: TreePlugin
) -> None:
    first, second, link = (root / name for name in ("first.git", "second.git", "now"))
    for directory in (make(first, "--bare"), make(second, "--bare")):
        link.unlink(missing_ok=True)
        link.symlink_to(directory.name)
        found = Repository(directory=directory, name=directory.stem)
        assert answered(plugin.resolve_path(ANONYMOUS, a_push("/now"))) == found


def test_a_promise_is_not_remembered(root: Path, make: Make, plugin: TreePlugin) -> None:
    """Or who pushes next would be told that nothing is there, and make it a second time."""
    alice, directory = an_identity("alice"), root / "app.git"
    assert answered(plugin.resolve_path(alice, a_push("/app"))) == Repository(
        directory=directory, name="app", exists=False
    )
    make(directory, "--bare")
    assert answered(plugin.resolve_path(alice, a_push("/app"))) == Repository(directory=directory, name="app")
