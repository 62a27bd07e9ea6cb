"""A probe asks every hook as a server does."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gitgate.plugin import ANONYMOUS, Access, Finding, GitRequest, Identity, Repository, hookimpl
from gitgate.testing import PluginFailure, Probe, a_push, a_repository, an_identity


class Maker:
    """Makes repositories for people, by doing nothing, and knows of them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    @hookimpl
    def create_repository(self, identity: Identity, request: GitRequest, repository: Repository) -> Repository | None:
        if identity.is_anonymous or request.access is not Access.CREATE or repository.exists:
            return None
        self.made.append(f"/{repository.name}")
        return replace(repository, exists=True)

    @hookimpl
    def list_repositories(self) -> Sequence[str]:
        return self.made

    @hookimpl
    async def check_online(self) -> Sequence[Finding]:
        return [Finding(f"{len(self.made)} made", is_problem=not self.made)]


class Silent:
    @hookimpl
    def started(self) -> None: ...


class Down:
    @hookimpl
    def list_repositories(self) -> Sequence[str]:
        raise OSError("down")

    @hookimpl
    def check_online(self) -> Sequence[Finding]:
        raise OSError("down")


def test_a_repository_is_made_listed_and_looked_at() -> None:
    probe = Probe(Maker())
    assert probe.check_online() == [Finding("0 made", is_problem=True)]
    assert probe.create_repository(an_identity(), a_push("/team/new.git")) == a_repository("team/new")
    assert probe.create_repository(ANONYMOUS, a_push("/team/other")) is None
    assert probe.list_repositories(an_identity()) == ["/team/new"]
    assert probe.check_online() == [Finding("1 made")]


def test_a_plugin_without_these_hooks_has_nothing_to_say() -> None:
    probe = Probe(Silent())
    assert probe.create_repository(an_identity(), a_push()) is None
    assert (probe.list_repositories(an_identity()), probe.check_online()) == ([], [])


def test_a_failure_is_raised_where_a_server_would_go_on_without_the_plugin() -> None:
    """An author's test would otherwise take the empty list of a plugin that fails for its answer."""
    with pytest.raises(PluginFailure, match="list_repositories raised OSError: down"):
        Probe(Down()).list_repositories(an_identity())
    with pytest.raises(PluginFailure, match="check_online raised OSError: down"):
        Probe(Down()).check_online()
