"""Who imports what. The layers themselves are in pyproject.toml, for import-linter."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitgate.plugin


def _imports(source: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each module that is imported, also inside functions, with the names that are taken from it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, frozenset()
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), frozenset(alias.name for alias in node.names)


def test_bundled_plugins_import_from_gitgate_only_what_everybody_may(project: Path) -> None:
    """They are the proof that the public API is enough. Nor does one plugin import another: each can be left out."""
    packages = [path for path in (project / "plugins").iterdir() if (path / "__init__.py").exists()]
    assert packages
    wrong = [
        f"{path.relative_to(project)}: {module} {sorted(names)}"
        for package in packages
        for path in package.rglob("*.py")
        for module, names in _imports(path.read_text())
        if module.partition(".")[0].startswith("gitgate")
        and module.partition(".")[0] != package.name
        and not (module == "gitgate.plugin" and names <= set(gitgate.plugin.__all__))
    ]
    assert wrong == []


def test_no_folder_of_plugins_is_importable_as_plugins(project: Path) -> None:
    assert not (project / "plugins" / "__init__.py").exists()


def test_pluggy_is_imported_in_two_modules_only(project: Path) -> None:
    importers = {
        str(path.relative_to(project))
        for folder in ("gitgate", "plugins")
        for path in (project / folder).rglob("*.py")
        if any(module.partition(".")[0] == "pluggy" for module, _ in _imports(path.read_text()))
    }
    assert importers == {"gitgate/plugin/hookspecs.py", "gitgate/plugin_registration.py"}


def test_nothing_of_twisted_is_loaded_that_has_its_own_idea_of_a_server() -> None:
    """twisted.names blocks the reactor for a reply of crafted pointers (CVE-2026-42304); HTTP/2 goes past our channel;
    and twisted.web's own server takes whole bodies before anybody is asked."""
    program = """
import importlib, pkgutil, sys, gitgate
import gitgate_htpasswd, gitgate_ldap, gitgate_webhook, gitgate_tree, gitgate_rules, gitgate_authorized_keys
for package in (gitgate, gitgate_htpasswd, gitgate_ldap, gitgate_webhook, gitgate_tree, gitgate_rules):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__") and not module.name.startswith("gitgate.testing"):
            importlib.import_module(module.name)
print(*sorted({"twisted.names", "twisted.web.server", "twisted.web._http2", "h2"} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("package", ["gitgate.plugin", "gitgate.wire"])
def test_a_plugin_and_the_parsers_need_neither_twisted_nor_pydantic(package: str) -> None:
    """What they reach, directly or through others, as a fresh Python sees it after importing all of their modules."""
    program = f"""
import importlib, pkgutil, sys, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    importlib.import_module(module.name)
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{"twisted", "zope", "pydantic", "yaml", "click"}}))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("\n", "")


def test_imports_point_down(project: Path) -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    ran = subprocess.run(
        [*command, "--no-cache"], cwd=project, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
