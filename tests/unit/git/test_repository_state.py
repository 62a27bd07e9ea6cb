"""What changes git's answer changes the state, as real git changes repositories."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitgate.git import repository_state
from gitgate.git.repository_state import configuration_of, state_of, state_of_refs

IDENTITY = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["git", *arguments], cwd=folder, input=b"", check=True, capture_output=True, env={**os.environ, **IDENTITY}
    )
    return ran.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "r.git")
    folder = tmp_path / "r.git"
    git(folder, "update-ref", "refs/heads/main", commit(folder))
    git(folder, "branch", "topic", "main")
    return folder


def commit(folder: Path, message: str = "one") -> str:
    return git(folder, "commit-tree", "-m", message, git(folder, "mktree"))


def test_a_repository_that_nobody_touches_stays_in_its_state(repository: Path) -> None:
    before = state_of(repository)
    git(repository, "for-each-ref")
    git(repository, "upload-pack", "--advertise-refs", ".")
    assert state_of(repository) == before


@pytest.mark.parametrize(
    "change",
    [
        ("update-ref", "refs/heads/main", "NEW"),
        ("branch", "another", "main"),
        ("branch", "deep/er/another", "main"),
        ("branch", "-D", "topic"),
        ("tag", "-a", "-m", "one", "v1", "main"),
        ("symbolic-ref", "HEAD", "refs/heads/topic"),
        ("pack-refs", "--all"),
        ("gc", "-q", "--prune=now"),
        ("config", "uploadpack.hideRefs", "refs/heads/topic"),
        ("replace", "main", "NEW"),
    ],
    ids=" ".join,
)
def test_what_changes_the_answer_changes_the_state(repository: Path, change: tuple[str, ...]) -> None:
    new = commit(repository, "two")
    before = state_of(repository)
    git(repository, *(new if word == "NEW" else word for word in change))
    assert state_of(repository) != before


def test_a_change_behind_a_packed_ref_is_seen(repository: Path) -> None:
    git(repository, "pack-refs", "--all", "--prune")
    before = state_of(repository)
    git(repository, "branch", "-D", "topic")
    assert state_of(repository) != before


def pruned_loose_object(repository: Path) -> None:
    """Another one that begins alike is still there, so that its folder stays."""
    (repository / "objects/12/blob").unlink()


def pruned_pack_of_a_pool(repository: Path) -> None:
    (repository.parent / "outer/pack/pack-1.pack").unlink()


@pytest.mark.parametrize("prune", [pruned_loose_object, pruned_pack_of_a_pool])
def test_objects_that_are_pruned_change_the_answer_of_a_fetch_and_no_list_of_refs(
    repository: Path, tmp_path: Path, prune: Callable[[Path], None]
) -> None:
    """1. Somebody fetches a secret by its name. 2. It is pruned, from here or from a pool of objects that is borrowed
    from one that is borrowed. 3. No ref has changed, and what was kept has it still.
    """
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for folder in (inner / "info", outer / "pack", repository / "objects/12"):
        folder.mkdir(parents=True)
    (repository / "objects/info/alternates").write_text(f"# a pool\n{inner}\n")
    (inner / "info/alternates").write_text("../outer\n")
    for file in (outer / "pack/pack-1.pack", repository / "objects/12/blob", repository / "objects/12/other"):
        file.write_bytes(b"x" * 1000)
    before, refs = state_of(repository), state_of_refs(repository)
    assert before is not None
    assert before.pack_bytes == 1000
    prune(repository)
    assert state_of(repository) not in (None, before)
    assert state_of_refs(repository) == refs


def test_pools_that_go_round_in_a_circle_have_no_state(repository: Path) -> None:
    (repository / "objects/info/alternates").write_text(".\n")
    assert state_of(repository) is None


@pytest.mark.parametrize("pool", ['"/srv/a\\tpool"', "/srv/a\0pool"], ids=["in quotes", "with a NUL"])
def test_a_pool_whose_name_is_not_what_stands_there_has_no_state(repository: Path, pool: str) -> None:
    (repository / "objects/info/alternates").write_text(f"{pool}\n")
    with pytest.raises(OSError, match="in quotes, or with a NUL"):
        state_of(repository)


def test_a_ref_in_a_thousand_folders_is_no_obstacle(repository: Path) -> None:
    """Who may push makes a ref whose name has a thousand slashes, and nobody can fetch any more."""
    git(repository, "update-ref", "refs/heads" + "/a" * 1200, "main")
    before = state_of(repository)
    assert before is not None
    git(repository, "update-ref", "-d", "refs/heads" + "/a" * 1200)
    assert state_of(repository) != before


def test_a_file_that_leads_to_a_repository_has_no_state(repository: Path, tmp_path: Path) -> None:
    """git serves what it leads to, which may change without it."""
    (tmp_path / "link.git").write_text(f"gitdir: {repository}\n")
    assert configuration_of(tmp_path / "link.git") is None
    assert state_of(tmp_path / "link.git") is None


def test_capabilities_depend_on_the_configuration_alone(repository: Path) -> None:
    before = configuration_of(repository)
    git(repository, "branch", "another", "main")
    assert configuration_of(repository) == before
    git(repository, "config", "uploadpack.allowFilter", "false")
    assert configuration_of(repository) != before


def test_a_state_is_settled_only_when_the_next_change_is_sure_to_show(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1. A branch is deleted. 2. It is asked for, and answered, within the same tick of the file system's clock. 3. It
    is made again and moved within that tick: nothing tells the two states apart.
    """
    last_change = max(path.stat().st_ctime_ns for path in repository.rglob("*"))
    settled = []
    for age in (10**6, 10**9):
        monkeypatch.setattr(repository_state.time, "time_ns", lambda age=age: last_change + age)
        state = state_of(repository)
        assert state is not None
        settled.append(state.is_settled)
    assert settled == [False, True]


def test_what_a_file_system_with_a_coarse_clock_says_settles_later(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = repository_state._trace
    monkeypatch.setattr(repository_state, "_trace", lambda path: real(path) and (1, 2, 5 * 10**9, 5 * 10**9))
    monkeypatch.setattr(repository_state.time, "time_ns", lambda: 5 * 10**9 + 10**9)
    state = state_of(repository)
    assert state is not None
    assert not state.is_settled


def test_a_configuration_that_includes_others_has_no_state(repository: Path) -> None:
    git(repository, "config", "include.path", "elsewhere")
    assert state_of(repository) is None
    assert configuration_of(repository) is None


@pytest.mark.parametrize("name", ["config", "objects/info/alternates"])
def test_nobody_waits_for_what_is_no_file_or_too_long(repository: Path, name: str) -> None:
    """Everybody would: a repository on a disk of this machine is looked at on the reactor."""
    place = repository / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    writer = os.open(place, os.O_RDWR)
    with pytest.raises(OSError, match="a pipe, and nothing in it"):
        state_of(repository)
    os.close(writer)
    place.unlink()
    place.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="longer than 1048576 bytes"):
        state_of(repository)


def test_the_pools_that_a_repository_borrows_from_are_known(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", "--shared", repository.name, "borrower.git")
    state = state_of(tmp_path / "borrower.git")
    assert state is not None
    assert state.borrows_from == (f"{repository}/objects",)


def test_packs_are_places_too(repository: Path) -> None:
    """With `gc.auto` off there may be thousands, and each is looked at."""
    before = state_of(repository)
    packs = repository / "objects" / "pack"
    for number in range(100):
        (packs / f"pack-{number}.pack").write_bytes(b"PACK")
    after = state_of(repository)
    assert before is not None
    assert after is not None
    assert (after.places - before.places, after.pack_bytes) == (100, 400)


def test_a_linked_work_tree_has_no_state(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "topic")
    assert state_of(repository / "worktrees" / "linked") is None


def test_a_repository_with_too_many_loose_refs_has_no_state(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_state, "_MOST_REFS", 20)
    assert state_of(repository) is not None
    for number in range(20):
        git(repository, "branch", f"b{number}", "main")
    assert state_of(repository) is None
