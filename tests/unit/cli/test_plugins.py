import json
import sys

import pytest
from click.testing import CliRunner

from gitgate.cli import gitgate


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder to stand in, with packages beside it that are installed as far as Python can see."""
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(packages)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITGATE_CONFIG", raising=False)
    return packages


def _install(packages, name, source, version="1.2"):
    (packages / f"{name}.py").write_text(source)
    information = packages / f"{name}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (information / "entry_points.txt").write_text(f"[gitgate.plugins]\n{name} = {name}:Plugin\n")


def _listed(*arguments):
    ran = CliRunner().invoke(gitgate, ["plugins", "--json", *arguments])
    return {plugin["name"]: plugin for plugin in json.loads(ran.stdout)}


GOOD = """
from gitgate.plugin import hookimpl
class Plugin:
    @hookimpl
    def resolve_path(self, identity, request): ...
    @hookimpl
    def authorize(self, identity, request, repository): ...
    def helper(self): ...
"""


def test_a_plugin_is_listed_with_its_package_and_its_hooks(site):
    _install(site, "goodplugin", GOOD)

    assert _listed()["goodplugin"] == {
        "name": "goodplugin",
        "distribution": "goodplugin",
        "version": "1.2",
        "hooks": ["authorize", "resolve_path"],
        "error": None,
        "used": None,
    }


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_library", "No module named 'no_such_library'"),
        ("raise SystemExit('I am a script')", "I am a script"),
        ("Plugin = 3", "is not a class"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_listed_with_the_reason(site, source, words):
    _install(site, "badplugin", source)

    listed = _listed()

    assert words in listed["badplugin"]["error"]
    assert (listed["badplugin"]["hooks"], listed["tree"]["error"]) == ([], None)
    sys.modules.pop("badplugin", None)


def test_a_hook_that_there_is_not_is_told_and_not_listed(site):
    _install(site, "slipplugin", GOOD.replace("authorize", "authorise"))

    listed = _listed()["slipplugin"]

    assert (listed["hooks"], listed["error"]) == (
        ["resolve_path"],
        "there is no hook 'authorise'; did you mean 'authorize'?",
    )
    sys.modules.pop("slipplugin", None)


def test_what_the_configuration_uses_is_marked(site, tmp_path):
    (tmp_path / "gitgate.yaml").write_text(
        "version: 1\nlisten: [{url: git://127.0.0.1:0}]\nplugins: [{use: tree, root: .}]\n"
    )

    ran = CliRunner().invoke(gitgate, ["plugins"])

    assert ran.exit_code == 0
    assert [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("*")] == ["tree", "used"]
    assert "  htpasswd " in ran.stdout


def test_a_configuration_that_cannot_be_used_marks_nothing_and_is_no_hindrance(site, tmp_path):
    (tmp_path / "broken.yaml").write_text("version: [")

    ran = CliRunner().invoke(gitgate, ["plugins", "-c", "broken.yaml"])

    assert ran.exit_code == 0
    assert ran.stderr == "broken.yaml cannot be used, so nothing is marked; see `gitgate check -c broken.yaml`\n"
    assert not any(line.startswith("*") for line in ran.stdout.splitlines())
