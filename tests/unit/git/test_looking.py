"""Where a repository is looked at: on the reactor, if that takes microseconds, and else in a thread."""

import threading
from pathlib import Path
from typing import Any

import pytest

from gitgate.git import looking
from gitgate.git.looking import Looker
from gitgate.git.repository_state import RepositoryState
from gitgate.testing.waiting_loop import WaitingLoop
from gitgate.worker_threads import WorkerThreads

FOLDER = Path("/srv/git/app.git")


class Site:
    """A repository with so many places to be looked at, on a local disk or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places = 10
        self.is_local = True
        self.borrows_from: tuple[str, ...] = ()
        self.asked_about: set[Path] = set()
        self.error: OSError | None = None
        self.looked_in: list[str] = []
        self.loop = WaitingLoop()
        self.looker = Looker(WorkerThreads(self.loop.reactor, "repositories"), self.loop.reactor)
        monkeypatch.setattr(looking, "are_local", self._are_local)

    def look(self) -> Any:
        return self.loop.run(self.looker.look(self.sees, FOLDER))

    def sees(self, directory: Path) -> RepositoryState | None:
        assert directory == FOLDER
        is_here = threading.current_thread() is threading.main_thread()
        self.looked_in.append("reactor" if is_here else "thread")
        if self.error is not None:
            raise self.error
        return RepositoryState(b"digest", is_settled=True, places=self.places, borrows_from=self.borrows_from)

    def _are_local(self, *paths: Path) -> bool:
        self.asked_about.update(paths)
        return self.is_local


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def test_after_a_short_look_at_a_local_disk_the_next_ones_need_no_thread(site: Site) -> None:
    states = [site.look() for _ in range(3)]
    assert states == [RepositoryState(b"digest", is_settled=True)] * 3
    assert site.looked_in == ["thread", "reactor", "reactor"]


def test_a_disk_that_may_hang_is_always_looked_at_in_a_thread(site: Site) -> None:
    site.is_local = False
    site.look()
    site.look()
    assert site.looked_in == ["thread", "thread"]


def test_a_look_of_another_kind_begins_in_a_thread(site: Site) -> None:
    """It goes to other places: after the refs, which are here, to objects that are borrowed from a disk that hangs."""
    site.look()
    site.is_local = False

    def look_at_objects(directory: Path) -> RepositoryState | None:
        return site.sees(directory)

    site.loop.run(site.looker.look(look_at_objects, FOLDER))
    site.loop.run(site.looker.look(look_at_objects, FOLDER))
    site.look()
    assert site.looked_in == ["thread", "thread", "thread", "reactor"]


def test_a_look_at_many_places_is_made_in_a_thread_also_where_there_were_few_before(site: Site) -> None:
    site.look()
    site.places = 1000
    site.look()
    site.look()
    assert site.looked_in == ["thread", "reactor", "thread"]


def test_a_pool_that_a_repository_borrows_from_has_to_be_local_too(site: Site) -> None:
    site.look()
    site.borrows_from = ("/srv/pool/objects",)
    site.look()
    assert Path("/srv/pool/objects") not in site.asked_about
    site.look()
    site.look()
    assert {FOLDER, FOLDER / "objects", Path("/srv/pool/objects")} <= site.asked_about
    assert site.looked_in == ["thread", "reactor", "thread", "reactor"]


def test_what_cannot_be_looked_at_has_no_state_and_is_looked_at_in_a_thread_again(site: Site) -> None:
    site.look()
    site.error = PermissionError(13, "no")
    assert site.look() is None
    assert site.look() is None
    assert site.looked_in == ["thread", "reactor", "thread"]


def test_whether_a_disk_is_local_is_found_out_again_after_a_minute(site: Site) -> None:
    site.look()
    site.loop.advance(61)
    site.look()
    assert site.looked_in == ["thread", "thread"]
