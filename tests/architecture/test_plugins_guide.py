"""docs/plugins.md is true: its package is the one that is installed and used by a test, and its examples run."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitgate.config import load_text

GUIDE = "docs/plugins.md"
PACKAGE = "tests/third_party/pushers_only"


def test_the_package_of_the_guide_is_the_one_that_is_tested(project: Path, blocks: Callable[[str], Any]) -> None:
    shown = {block.file: block.text for block in blocks(GUIDE) if block.file}
    files = {
        str(path.relative_to(project / PACKAGE)): path.read_text()
        for path in (project / PACKAGE).rglob("*")
        if path.suffix in (".py", ".toml")
    }
    assert shown == files


def test_the_examples_of_the_guide_run_and_pass_their_tests(guide_examples: str, tmp_path: Path) -> None:
    (tmp_path / "test_guide.py").write_text(guide_examples)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_guide.py"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@dataclass(frozen=True)
class Installed:
    """A plugin as an entry point would name it."""

    plugin_class: object
    value: str = "guide:Plugin"

    def load(self) -> object:
        return self.plugin_class


def test_the_configurations_of_the_guide_load(
    guide_examples: str, project: Path, blocks: Callable[[str], Any], tmp_path: Path
) -> None:
    examples: dict[str, Any] = {"__name__": "guide"}
    exec(compile(guide_examples, GUIDE, "exec"), examples)
    package: dict[str, Any] = {"__name__": "package"}
    exec((project / PACKAGE / "pushers_only" / "__init__.py").read_text(), package)
    installed = {
        "pushers-only": Installed(package["PushersOnly"]),
        "directory": Installed(examples["Directory"]),
        "freeze": Installed(examples["Freeze"]),
    }
    texts = [block.text for block in blocks(GUIDE) if block.language == "yaml"]
    assert len(texts) == 3
    for text in texts:
        config = load_text(
            "version: 1\nlisten: [{url: 'git://127.0.0.1:0'}]\n" + text,
            base=tmp_path,
            environ={**os.environ, "DIRECTORY_TOKEN": "t0ken"},
            installed=installed,
        )
        for entry in config.plugins:
            entry.plugin_class(*(() if entry.settings is None else (entry.settings,)))
