"""The project's own files, as tests of the project look at them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest


class Block(NamedTuple):
    """A fenced block of a document. `file` is what the line before says that it is, or ""."""

    language: str
    text: str
    file: str


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the checkout."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def blocks(project: Path) -> Callable[[str], list[Block]]:
    """The fenced blocks of a document, in their order."""

    def read(document: str) -> list[Block]:
        pattern = r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$"
        found = re.findall(pattern, (project / document).read_text(), re.DOTALL | re.MULTILINE)
        return [Block(language, text, file) for file, language, text in found]

    return read


@pytest.fixture(scope="session")
def guide_examples(blocks: Callable[[str], list[Block]]) -> str:
    """The Python blocks of the guide for authors as one module, without those that are files of a package."""
    return "".join(b.text + "\n\n" for b in blocks("docs/plugins.md") if b.language == "python" and not b.file)
