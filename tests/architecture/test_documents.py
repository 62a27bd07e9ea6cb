"""The documents point to what is there, and name commands that exist."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

DOCUMENTS = (
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    *(
        f"docs/{name}.md"
        for name in ("operating", "ldap", "webhook", "contributing", "architecture", "rules", "explain", "audit")
    ),
    "docs/plugins.md",
    "docs/embedding.md",
    "docs/performance.md",
)

#: `sh` is run by a test; `console` cannot be.
RUN, NOT_RUN = "sh", "console"


def _anchor(heading: str) -> str:
    """The fragment by which GitHub reaches a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _broken_links(document: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        path, _, fragment = target.partition("#")
        if "://" in path:
            continue
        file = document.parent / path if path else document
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if file.exists() else []
        if not file.exists() or (fragment and fragment not in map(_anchor, headings)):
            yield target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_links_to_is_there(document: str, project: Path) -> None:
    assert list(_broken_links(project / document)) == []


# The guide for authors names the paths of a package of its own.
@pytest.mark.parametrize("document", sorted({*DOCUMENTS} - {"docs/plugins.md"}))
def test_paths_of_the_project_that_a_document_names_exist(document: str, project: Path) -> None:
    named = re.findall(r"`((?:gitgate|plugins|tests|docs|\.ci)/[\w./-]*)`", (project / document).read_text())
    assert [path for path in named if not (project / path).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "docs/contributing.md"])
def test_each_make_target_that_is_named_is_one(
    document: str, project: Path, blocks: Callable[[str], list[Any]]
) -> None:
    commands = "\n".join(block.text for block in blocks(document) if block.language == NOT_RUN)
    inline = re.findall(r"`(make [\w-]+)`", (project / document).read_text())
    named = set(re.findall(r"^make ([\w-]+)", "\n".join([commands, *inline]), re.MULTILINE))
    for target in named:
        ran = subprocess.run(["make", "-n", target], cwd=project, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert {"test", "demo"} & named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_nobody_is_told_to_install_the_unrelated_project(document: str, project: Path) -> None:
    """On the package index, `gitgate` is somebody else's code."""
    assert not re.search(r"pip install (?:\S+ )*gitgate(?!-server)", (project / document).read_text())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_fenced_block_says_what_it_is(document: str, project: Path) -> None:
    opened = re.findall(r"^```(.*)$", (project / document).read_text(), re.MULTILINE)[::2]
    languages = ("yaml", "toml", "ini", "systemd", "nginx", "gitconfig", "text", "gitolite", "python", "json")
    known = {RUN, NOT_RUN, *languages, ""}
    assert set(opened) <= (known if document == "docs/architecture.md" else known - {""})
