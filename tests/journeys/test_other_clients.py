"""Clients that are not git: dulwich (Python) and libgit2 (by pygit2), each with its own reading of the protocols."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def _dulwich(url: str, clone: Path) -> None:
    porcelain = pytest.importorskip("dulwich.porcelain", reason="needs dulwich")
    porcelain.clone(url, str(clone), bare=True, errstream=io.BytesIO())


def _dulwich_shallow(url: str, clone: Path) -> None:
    porcelain = pytest.importorskip("dulwich.porcelain", reason="needs dulwich")
    porcelain.clone(url, str(clone), bare=True, depth=1, errstream=io.BytesIO())


def _libgit2(url: str, clone: Path) -> None:
    pygit2 = pytest.importorskip("pygit2", reason="needs pygit2")
    pygit2.clone_repository(url, str(clone), bare=True)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("door", ["http", "git"])
@pytest.mark.parametrize("cloned", [_dulwich, _dulwich_shallow, _libgit2])
def test_what_another_client_clones_is_whole(
    site, unique, tmp_path: Path, cloned: Callable[[str, Path], None], door: str
) -> None:
    repository = site.filled(f"open/{unique}.git")
    for clone in ("first", "from what is kept"):
        cloned(site.url(door, f"open/{unique}.git", user=None), tmp_path / clone)
        _git(tmp_path / clone, "fsck", "--strict")
        assert _git(tmp_path / clone, "rev-parse", "main", "v1") == _git(repository, "rev-parse", "main", "v1")
