"""What is found out about a repository that git could not serve."""

import threading
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gitgate.config import Limits
from gitgate.git import runner
from gitgate.git.command import Git
from gitgate.git.runner import GitRunner
from gitgate.plugin import Repository
from gitgate.testing.waiting_loop import WaitingLoop


class Site:
    """A disk on which a runner looks for a repository."""

    def __init__(self, folder: Path) -> None:
        self.loop = WaitingLoop()
        self.runner = GitRunner(self.loop.reactor, Git(executable=Path("/no/git"), search_path="", config={}), Limits())
        self.repository = Repository(directory=folder / "r.git", name="r")

    def is_gone(self) -> bool:
        return self.loop.run(self.runner.is_gone(self.repository))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_repository_is_there_as_long_as_git_finds_a_head_in_it(site: Site) -> None:
    directory = site.repository.directory
    found = [site.is_gone()]
    directory.write_text("no folder")
    found.append(site.is_gone())
    directory.unlink()
    directory.mkdir()
    found.append(site.is_gone())
    (directory / "HEAD").write_text("ref: refs/heads/main")
    found.append(site.is_gone())
    assert found == [True, True, True, False]


def test_a_repository_that_cannot_be_looked_at_is_not_taken_for_gone(site: Site) -> None:
    """The client would be told that it is not there, and the operator would look for who has removed it."""
    site.repository.directory.symlink_to("r.git")  # which leads to itself
    assert not site.is_gone()


def test_a_repository_on_a_disk_that_hangs_is_not_taken_for_gone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()
    monkeypatch.setattr(runner.os, "lstat", lambda path: hung.wait(20))
    outcome: list[Any] = []
    Deferred.fromCoroutine(site.runner.is_gone(site.repository)).addBoth(outcome.append)
    site.loop.advance(9)
    assert outcome == []
    site.loop.advance(2)
    hung.set()
    assert outcome == [False]
