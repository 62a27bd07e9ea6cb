"""The public API, as a stub file beside this one, public_api.txt: no change of it goes unnoticed.

After a change that is meant: `python tests/architecture/test_public_api.py > tests/architecture/public_api.txt`.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import gitgate.plugin
import gitgate.server
import gitgate.testing

SNAPSHOT: Final = Path(__file__).with_name("public_api.txt")

WHAT_TO_DO: Final = """The public API differs from tests/architecture/public_api.txt; other people's code depends on it.
If the change is meant and compatible (docs/plugins.md, "Compatibility"), write a line about it into CHANGELOG.md, and
run: python tests/architecture/test_public_api.py > tests/architecture/public_api.txt"""

#: Decorators that belong to what callers see.
_SHOWN: Final = ("dataclass", "property", "classmethod", "staticmethod", "hookspec", "pytest.fixture")


def described() -> str:
    """The API as its source has it: names, types and defaults, without bodies, docstrings and private members."""
    modules = (gitgate.plugin, gitgate.testing, gitgate.server)
    return "\n\n".join(text for module in modules for text in _module(module)) + "\n"


def _module(module: ModuleType) -> Iterator[str]:
    yield f"# {module.__name__}"
    for name in module.__all__:
        value = getattr(module, name)
        yield ast.unparse(_stub(_definition(value) or _assignment(name)))


def _definition(value: Any) -> ast.stmt | None:
    """The class or the function; None for a constant or an alias, which does not know where it was written."""
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return None
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def _assignment(name: str) -> ast.stmt:
    """Where a module of gitgate gives `name` its value."""
    trees = [
        ast.parse(inspect.getsource(module))
        for module_name, module in sys.modules.items()
        if module_name.startswith("gitgate.") and name in vars(module)
    ]
    (found,) = (
        statement
        for tree in trees
        for statement in tree.body
        if isinstance(statement, ast.AnnAssign)
        if isinstance(statement.target, ast.Name) and statement.target.id == name
    )
    return found


def _stub(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        marks = statement.decorator_list
        statement.decorator_list = [mark for mark in marks if ast.unparse(mark).startswith(_SHOWN)]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        statement.body = [_DOTS]
    if isinstance(statement, ast.ClassDef):
        statement.body = [_stub(member) for member in statement.body if _is_public(member)] or [_DOTS]
    return statement


_DOTS: Final = ast.Expr(ast.Constant(...))


def _is_public(member: ast.stmt) -> bool:
    match member:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name == "__init__" or not name.startswith("_")
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return not name.startswith("_")
    return False


def test_the_public_api_changes_only_on_purpose() -> None:
    assert described() == SNAPSHOT.read_text(), WHAT_TO_DO


if __name__ == "__main__":
    sys.stdout.write(described())
