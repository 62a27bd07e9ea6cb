"""What changes git's answer changes the state, as real git changes repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from gitgate.git import repository_state
from gitgate.git.repository_state import configuration_of, state_of

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


def test_a_linked_work_tree_has_no_state(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "topic")
    assert state_of(repository / "worktrees" / "linked") is None


def test_a_repository_with_too_many_loose_refs_has_no_state(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_state, "_MOST_REFS", 20)
    assert state_of(repository) is not None
    for number in range(20):
        git(repository, "branch", f"b{number}", "main")
    assert state_of(repository) is None
