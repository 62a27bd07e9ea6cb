"""docs/explain.md is true: each of its commands prints what stands below it."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "explain.md").read_text()
[CONFIGURATION] = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
EXAMPLES = [
    tuple(block.removeprefix("$ gitgate ").split("\n", 1))
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
]

Gitgate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def site(folder: Path) -> Path:
    (folder / "gitgate.yaml").write_text(CONFIGURATION)
    (folder / "users.htpasswd").write_text("")
    (folder / "users.groups").write_text("devs: alice\n")
    for name in ("public/site", "secret/plans", "team/app"):
        subprocess.run(["git", "init", "-q", "--bare", folder / "repositories" / f"{name}.git"], check=True)
    (folder / "keys.d").mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "alice"], check=True)
    (folder / "keys.d" / "alice.pub").write_bytes((folder / "alice.pub").read_bytes())
    return folder


@pytest.mark.parametrize(("command", "printed"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_each_example_prints_what_the_page_shows(site: Path, gitgate: Gitgate, command: str, printed: str) -> None:
    ran = gitgate(*shlex.split(command))

    shown = ran.stdout.replace(str(site), "/srv/git")
    shown = re.sub(r"SHA256:[\w+/]+", "SHA256:FINGERPRINT", shown)
    shown = re.sub(r"\(id \w+\)", "(id 5fd1c8a90b)", shown)
    is_by_name = command.startswith("repos")
    assert (shown, ran.stderr.startswith("The name is taken as given")) == (printed, is_by_name)
    assert ran.returncode == (1 if "REFUSED" in printed else 0)


def test_the_page_has_its_examples() -> None:
    assert [command.split()[0] for command, _ in EXAMPLES] == ["explain", "explain", "explain", "repos"]


def test_the_table_has_every_verb() -> None:
    from gitgate.cli.explain import explain

    verbs = next(parameter.type.choices for parameter in explain.params if parameter.name == "verb")
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(verbs)
