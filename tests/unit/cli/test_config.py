import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import gitgate
from gitgate.cli import gitgate as command

CONFIGURATION = """\
version: 1
listen: [{url: git://127.0.0.1:0}]
plugins: [{use: tree, root: .}]
git: {config: {receive.certNonceSeed: {$env: SEED}}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITGATE_CONFIG", raising=False)
    return tmp_path


def _run(*arguments):
    return CliRunner().invoke(command, ["config", *arguments])


def test_show_prints_what_is_in_effect_without_secrets(here, monkeypatch):
    monkeypatch.setenv("SEED", "hunter2hunter2")
    (here / "gitgate.yaml").write_text(CONFIGURATION)

    ran = _run("show")

    shown = yaml.safe_load(ran.stdout)
    assert (ran.exit_code, shown["plugins"][0]["root"]) == (0, str(here))
    assert shown["limits"]["max_connections"] == 1000
    assert "hunter2" not in ran.output


def test_show_tells_the_problems_of_a_file_that_cannot_be_used(here):
    (here / "gitgate.yaml").write_text("version: 2\nlisten: []\nplugins: []\n")

    ran = _run("show")

    assert (ran.exit_code, ran.stdout) == (78, "")
    assert ran.stderr.splitlines()[0].startswith("gitgate.yaml:1:1: version: ")


def test_show_without_a_configuration_says_how_to_get_one():
    ran = _run("show")

    assert ran.exit_code == 2
    assert "make one with `gitgate init`" in ran.stderr


def test_show_of_a_file_that_is_missing_is_one_line(here):
    ran = _run("show", "-c", "lost.yaml")

    assert (ran.exit_code, ran.stderr) == (78, "lost.yaml: cannot be read: No such file or directory\n")


def test_schema_prints_a_json_schema():
    ran = _run("schema")

    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["properties"].keys() >= {"version", "listen", "plugins"}


def test_example_prints_the_file_at_the_top_of_the_project():
    example = Path(gitgate.__file__).resolve().parent.parent / "gitgate.yaml.example"

    ran = _run("example")

    assert (ran.exit_code, ran.stdout) == (0, example.read_text())
