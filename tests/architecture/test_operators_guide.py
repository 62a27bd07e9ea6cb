"""docs/operating.md is true: its configurations load, and its tables say what the code does."""

import base64
import re
import subprocess
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest
from gitgate_authorized_keys.bad_line import BadLine
from gitgate_authorized_keys.options import parse_options
from gitgate_htpasswd.hashes import DES, SCHEMES, UnusableHash, recognise
from gitgate_repoperms.table import parse_table

from gitgate.cli.exits import Exit
from gitgate.config import Config, Limits, load_text
from gitgate.config.source_limits import SourcePenalties
from gitgate.plugin import Verdict
from gitgate.server import members

GUIDE = "docs/operating.md"

#: What a fragment of a configuration leaves out.
REST = {
    "version": "version: 1\n",
    "listen": "listen: [{url: 'git://127.0.0.1:0'}]\n",
    "plugins": "plugins: [{use: tree, root: .}]\n",
}

Blocks = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def guide(project: Path) -> str:
    return (project / GUIDE).read_text()


def _rows(guide: str, heading: str) -> list[list[str]]:
    """The cells of the first table that begins with this line."""
    table = guide.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
    assert rows, heading
    return rows


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _load(text: str, folder: Path) -> Config:
    """The configuration with all the files that the guide's examples name, in `folder` in place of the system's."""
    for name in ("users.htpasswd", "users.groups", "users.keys", ".htpasswd", ".rsakeys", ".repoperms", "nonce-seed"):
        (folder / name).touch()
    (folder / "keys.d").mkdir()
    keys = [line.partition(":")[0] for line in text.splitlines() if line and not line.startswith((" ", "#", "-"))]
    text = "".join(rest for key, rest in REST.items() if key not in keys) + text
    for place in ("/srv/git", "/etc/gitgate"):
        text = text.replace(place, str(folder))
    return load_text(text, base=folder, environ={"CREDENTIALS_DIRECTORY": str(folder), "HOME": str(folder)})


def test_every_configuration_of_the_guide_loads_and_its_plugins_can_be_built(
    blocks: Blocks, tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = [block.text for block in blocks(GUIDE) if block.language == "yaml"]
    assert len(texts) == 11
    for text in texts:
        config = _load(text, tmp_path_factory.mktemp("example"))
        assert len(members(config)) == len(config.plugins) > 0


def test_the_table_of_rights_in_the_guide_can_be_read(blocks: Blocks) -> None:
    [table] = [block.text for block in blocks(GUIDE) if block.text.startswith("[team/app]")]
    section = parse_table(table.encode(), ".repoperms")["team/app"]
    assert {user: entry.value for user, entry in section.items()} == {
        "alice": "rw",
        "bob": "r",
        "mallory": "-",
        "anonymous": "r",
    }


def test_the_table_of_password_hashes_names_all_that_are_accepted(guide: str) -> None:
    rows = _rows(guide, "| kind | written by | accepted |")
    accepted = {kind.partition(",")[0]: says for kind, _, says in rows if says.startswith("yes")}
    assert accepted.keys() == {scheme.name for scheme in (*SCHEMES, DES)}
    warned = {name for name, says in accepted.items() if "guessed quickly" in says}
    assert warned == {scheme.name for scheme in (*SCHEMES, DES) if scheme.quickly_guessed}


def test_what_the_guide_calls_refused_lets_nobody_in(guide: str) -> None:
    rows = _rows(guide, "| kind | written by | accepted |")
    prefixes = [prefix for kind, _, says in rows if says.startswith("no") for prefix in _code(kind)]
    assert prefixes == ["{SSHA}", "{PLAIN}", "$argon2i$", "$argon2d$", "$7$"]
    for text in (*(prefix + base64.b64encode(b"x" * 24).decode() for prefix in prefixes), "plain text"):
        with pytest.raises(UnusableHash):
            recognise(text)


VALUES = {
    "from": '="10.0.0.0/8,!10.1.0.0/16"',
    "expiry-time": '="20300101"',
    "command": '="x"',
    "environment": '="A=b"',
}


def test_the_table_of_key_options_says_which_refuse_a_line(guide: str) -> None:
    rows = _rows(guide, "| option | here |")
    assert len(rows) == 6
    for names, says in rows:
        for name in _code(names):
            if says.startswith("refused"):
                with pytest.raises(BadLine, match=name):
                    parse_options(name + VALUES.get(name, ""))
            else:
                conditions, _ = parse_options(name + VALUES.get(name, ""))
                is_honoured = conditions.addresses is not None or conditions.expires is not None
                assert is_honoured is says.startswith("honoured"), name


def test_the_table_of_limits_has_each_with_its_default(guide: str) -> None:
    shown = {_code(name)[0]: default for name, default, _ in _rows(guide, "| key of `limits` | default | |")}
    assert shown == {limit.name: _default(limit) for limit in fields(Limits)}


def test_the_table_of_penalties_has_each_with_its_default(guide: str) -> None:
    shown = {
        _code(name)[0]: default for name, default, _ in _rows(guide, "| key of `per_source_penalties` | default | |")
    }
    assert shown == {penalty.name: str(penalty.default) for penalty in fields(SourcePenalties)}


def _default(limit: "Field[Any]") -> str:
    """As the guide writes it."""
    if limit.default is MISSING:
        return "below"
    return ", ".join(limit.default) if isinstance(limit.default, tuple) else str(limit.default)


def test_the_table_of_outcomes_has_each(guide: str) -> None:
    shown = [row[0] for row in _rows(guide, "| outcome | |")]
    assert sorted(shown) == sorted(verdict.value for verdict in Verdict)


def test_the_table_of_exit_codes_has_those_that_commands_end_with(guide: str, project: Path) -> None:
    shown = {int(row[0]) for row in _rows(guide, "| exit code | |")}
    sources = "".join(path.read_text() for path in (project / "gitgate").rglob("*.py"))
    used = {code for code in Exit if code is not Exit.OK and f"Exit.{code.name}" in sources}
    assert shown == used | {Exit.OK, Exit.USAGE}  # click ends with the latter by itself


def test_the_defaults_for_git_are_those_that_gitgate_sets(blocks: Blocks, project: Path) -> None:
    [shown] = [block.text for block in blocks(GUIDE) if block.language == "gitconfig"]
    listed = subprocess.run(
        ["git", "config", "--file", project / "gitgate/git/defaults.gitconfig", "--list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.lower() == listed
