"""What a repository holds, to be compared with what another one holds."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holdings:
    """Two equal ones mean that the repositories have the same objects and refs, and end at the same commits."""

    objects: list[str]
    """Name, type and size of each."""
    refs: list[str]
    head: str
    shallow: list[str]


def holdings(repository: Path) -> Holdings:
    """What is in `repository` (its folder, or that of its work tree), without fetching what a partial clone lacks."""
    inside = repository / ".git" if (repository / ".git").is_dir() else repository
    shallow = inside / "shallow"
    return Holdings(
        objects=_lines(inside, "cat-file", "--batch-all-objects", "--batch-check"),
        refs=_lines(inside, "for-each-ref", "--format=%(refname) %(objectname) %(symref)"),
        head=(inside / "HEAD").read_text(),
        shallow=sorted(shallow.read_text().split()) if shallow.exists() else [],
    )


def assert_whole(repository: Path) -> None:
    """git fsck finds nothing wrong: no object is damaged, and none is missing but what a partial clone may lack."""
    ran = _git(repository, "fsck", "--strict", "--no-dangling", "--no-progress")
    assert ran.returncode == 0, f"git fsck in {repository}:\n{ran.stdout}{ran.stderr}"


def _lines(repository: Path, *arguments: str) -> list[str]:
    ran = _git(repository, *arguments)
    assert ran.returncode == 0, f"git {arguments} in {repository}:\n{ran.stderr}"
    return sorted(ran.stdout.splitlines())


def _git(repository: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],
        env={**os.environ, "LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_NO_LAZY_FETCH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
