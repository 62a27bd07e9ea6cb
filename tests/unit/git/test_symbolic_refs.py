"""Which refs of a push lead elsewhere, as git itself sees it, and what is judged then."""

import subprocess
from pathlib import Path

import pytest

from gitgate.git.symbolic_refs import SymbolicRefs
from gitgate.plugin import RefChange, RefUpdate

OLD, NEW = "1" * 40, "2" * 40


def update(ref: str) -> RefUpdate:
    return RefUpdate(ref=ref, old=OLD, new=NEW, change=RefChange.UPDATE)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "r.git"
    git(tmp_path, "init", "-q", "--bare", str(folder))
    for name, target in (("master", "main"), ("old/name", "master"), ("loop", "pool"), ("pool", "loop")):
        git(folder, "symbolic-ref", f"refs/heads/{name}", f"refs/heads/{target}")
    git(folder, "config", "core.preferSymlinkRefs", "true")
    git(folder, "symbolic-ref", "refs/heads/linked", "refs/heads/main")
    (folder / "refs/heads/plain").write_text(f"{NEW}\n")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("ref", "also"),
    [
        ("refs/heads/master", ["refs/heads/main"]),
        ("refs/heads/old/name", ["refs/heads/master", "refs/heads/main"]),
        ("refs/heads/linked", ["refs/heads/main"]),
        ("refs/heads/loop", ["refs/heads/pool"]),
        ("refs/heads/plain", []),
        ("refs/heads/new", []),
        ("refs/heads", []),
        ("refs/../HEAD", []),
        ("HEAD", []),
    ],
)
def test_what_a_ref_leads_to_is_judged_too(repository: Path, ref: str, also: list[str]) -> None:
    symbolic = SymbolicRefs.among([ref], repository)
    assert symbolic.with_targets((update(ref),)) == (update(ref), *map(update, also))


def test_what_is_pushed_anyway_is_judged_once(repository: Path) -> None:
    updates = (update("refs/heads/main"), update("refs/heads/master"))
    assert SymbolicRefs.among([u.ref for u in updates], repository).with_targets(updates) == updates


def test_a_refusal_is_told_for_the_name_that_was_pushed_to(repository: Path) -> None:
    symbolic = SymbolicRefs.among(["refs/heads/master", "refs/heads/plain"], repository)
    assert symbolic.with_sources(("refs/heads/main",)) == ("refs/heads/main", "refs/heads/master")
    assert symbolic.with_sources(("refs/heads/plain",)) == ("refs/heads/plain",)
