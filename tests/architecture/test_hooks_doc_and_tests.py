"""A hook, its section in the guide for authors, a test and something that uses it: none is there without the others."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitgate.config.plugin_entries import HOOKS
from gitgate.plugin import Hooks


def _heading(hook: str) -> str:
    """The hook as the guide's heading has it: `name(argument, argument)`."""
    _, *arguments = inspect.signature(getattr(Hooks, hook)).parameters
    return f"{hook}({', '.join(arguments)})"


def test_the_guide_has_a_section_for_each_hook_with_its_arguments_and_for_nothing_else(project: Path) -> None:
    sections = re.findall(r"^### (.*)$", (project / "docs/plugins.md").read_text(), re.MULTILINE)
    assert sections == [_heading(hook) for hook in HOOKS], "docs/plugins.md, the headings below ## Hooks"


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_says_what_it_asks_or_tells(hook: str) -> None:
    assert inspect.getdoc(getattr(Hooks, hook))


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_test(hook: str, project: Path) -> None:
    tree = ast.parse((project / "tests/unit/test_hooks.py").read_text())
    tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [name for name in tests if name.startswith(f"test_hook_{hook}_")], (
        f"no test_hook_{hook}_... in test_hooks.py"
    )


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_is_used_by_a_bundled_plugin_or_an_example_that_runs(
    hook: str, project: Path, guide_examples: str
) -> None:
    sources = [path.read_text() for path in (project / "plugins").rglob("*.py")]
    assert hook in {name for source in (*sources, guide_examples) for name in _implemented(source)}


def _implemented(source: str) -> Iterator[str]:
    """The methods that are marked with `@hookimpl`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = [mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list]
            if any(isinstance(mark, ast.Name) and mark.id == "hookimpl" for mark in marks):
                yield node.name
