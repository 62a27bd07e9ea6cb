"""At the top of the repository stands what belongs there, and nothing that came in by mistake."""

import subprocess
from pathlib import Path

import pytest

FOLDERS = {"gitgate", "plugins", "tests", "docs"}
FILES = {
    *("pyproject.toml", "gitgate.yaml.example", "Makefile"),
    *("README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"),
}


def test_at_the_top_of_the_repository_stands_what_people_expect_there(project: Path) -> None:
    """A wheel was committed once, and nobody saw it. What begins with a dot is for tools."""
    if not (project / ".git").exists():
        pytest.skip("this is no checkout: only git knows what belongs to the project")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, text=True, check=True).stdout
    paths = [path for path in listed.split("\0") if path and not path.startswith(".")]
    assert {path.partition("/")[0] for path in paths if "/" in path} == FOLDERS
    assert {path for path in paths if "/" not in path} == FILES
