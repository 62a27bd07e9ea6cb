"""The public types as other people's code sees them, under `mypy --strict`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_other_peoples_code_satisfies_a_strict_type_checker(
    project: Path, guide_examples: str, blocks: Callable[[str], Any], tmp_path: Path
) -> None:
    """`typing/third_party.py`, every example of docs/plugins.md, and the program of docs/embedding.md."""
    guide, embedding = tmp_path / "guide.py", tmp_path / "embedding.py"
    guide.write_text(guide_examples)
    embedding.write_text("".join(block.text for block in blocks("docs/embedding.md") if block.language == "python"))
    third_party = project / "tests/architecture/typing/third_party.py"
    options = ["--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *options, third_party, guide, embedding],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
