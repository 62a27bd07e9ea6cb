"""A plugin as a third party publishes it: installed with pip beside gitgate, named in the configuration, and obeyed."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[1] / "third_party" / "pushers_only"

CONFIGURATION = """
version: 1
listen: [{url: "http://127.0.0.1:0"}]
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
PUSHERS_ONLY
  - {use: rules, rules: [{repos: ["**"], who: [everyone], allow: [read, write]}]}
  - {use: tree, root: repositories}
"""

NAMED = CONFIGURATION.replace("PUSHERS_ONLY", "  - {use: pushers-only, group: devs}")
NOT_NAMED = CONFIGURATION.replace("PUSHERS_ONLY\n", "")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's folder, away from the tests that it would otherwise be a part of."""
    return Path(shutil.copytree(PACKAGE, tmp_path_factory.mktemp("third-party") / "pushers_only"))


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    """The Python of a new virtual environment, in which pip has installed the package from its folder.

    Tests need no network: what the package depends on, pip and hatchling included, comes from the environment of the
    tests. A `.pth` file adds that one's site-packages, behind those of the new one; it goes through `addsitedir`
    because gitgate may itself be there as a `.pth` file (`pip install -e`), and a plain line does not follow those. So
    pip must neither look for the dependencies nor make an environment of its own to build in.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, capture_output=True)
    python = folder / "bin" / "python"
    paths = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    new = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [f"import site; site.addsitedir({path!r})\n" for path in sorted(paths)]
    Path(new.stdout.strip(), "what_the_tests_have.pth").write_text("".join(lines))
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    installed = _run(python, "-m", "pip", "install", *options, source, cwd=folder)
    assert installed.returncode == 0, installed.stdout
    return python


@pytest.fixture
def serve(python: Path, another_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Starts gitgate in the environment that has the package, and where Python logs each import (`-v`)."""
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    # `-X importtime` would be shorter, but does not see what `importlib.import_module` imports.
    monkeypatch.setenv("PYTHONVERBOSE", "1")
    return another_site


def test_a_plugin_that_pip_installed_and_the_configuration_names_decides_about_a_real_push(
    serve: Callable[[str], Any],
) -> None:
    site = serve(NAMED)
    repository = site.filled("team/app.git")
    for user in ("alice", "bob"):
        client = site.client(user)
        client.git("clone", "-q", site.url("http", "team/app.git", user=user), "app")
        client.commit(client.home / "app", **{user: "was here\n"})
        refused = user == "bob"  # alice is in the group "devs"
        said = client.git("push", "origin", "HEAD:refs/heads/" + user, cwd=client.home / "app", fails=refused)
        assert ("Pushing is for maintainers." in said) is refused, said
    branches = site.client().git("for-each-ref", "--format=%(refname:short)", "refs/heads", cwd=repository)
    assert branches.split() == ["alice", "main"]
    assert _imported("pushers_only", site)


def test_a_plugin_that_is_installed_and_not_named_is_not_even_imported(serve: Callable[[str], Any]) -> None:
    """To install a package must not change who may push: bob, whom it would refuse, still may."""
    site = serve(NOT_NAMED)
    site.filled("team/app.git")
    client = site.client("bob")
    client.git("clone", "-q", site.url("http", "team/app.git", user="bob"), "app")
    client.commit(client.home / "app", bob="was here\n")
    client.git("push", "origin", "HEAD", cwd=client.home / "app")
    assert _imported("gitgate_rules", site)
    assert not _imported("pushers_only", site)


def test_the_commands_know_the_installed_plugin(python: Path, tmp_path: Path) -> None:
    listed = _run(python, "-m", "gitgate", "plugins", cwd=tmp_path)
    assert listed.returncode == 0, listed.stdout
    assert "pushers-only" in listed.stdout


def test_the_packages_own_tests_pass_where_it_is_installed(python: Path, source: Path, tmp_path: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", str(source)]
    ran = _run(python, "-m", "pytest", *options, "-c", source / "pyproject.toml", source / "tests", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout


def test_the_package_satisfies_a_strict_type_checker(python: Path, source: Path, tmp_path: Path) -> None:
    options = ["--strict", "--cache-dir", str(tmp_path / "cache"), "--config-file="]
    ran = _run(python, "-m", "mypy", *options, source / "pushers_only", source / "tests", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout


def _imported(module: str, site: Any) -> bool:
    """Whether the daemon has imported it."""
    return f"\nimport {module!r} # " in site.daemon.log()


def _run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
