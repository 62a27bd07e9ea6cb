"""docs/audit.md: its table is the schema's, and its commands answer from a real log."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gitgate.audit_json import schema_text

PAGE = (Path(__file__).parents[2] / "docs/audit.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)

AUDITED = """
version: 1
listen: [{url: "http://127.0.0.1:0"}]
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - use: rules
RULES
  - {use: tree, root: repositories}
"""


def test_the_table_says_what_the_schema_says() -> None:
    described = {name: field["description"] for name, field in json.loads(schema_text())["properties"].items()}
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)) == described


@pytest.fixture(scope="module")
def answers(starting, tmp_path_factory) -> dict[str, str]:
    """What each command prints after a push of alice's, and one of bob's that was refused."""
    if shutil.which("jq") is None:
        pytest.skip("needs jq")
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    site = starting(tmp_path_factory.mktemp("docs-audit"), AUDITED + example[1])
    site.filled("team/app.git")
    for user in ("alice", "bob"):
        client = site.client(user)
        client.git("clone", "-q", site.url("http", "team/app", user=user), "clone")
        client.commit(client.home / "clone", README=f"{user}\n")
        client.git("push", "-q", cwd=client.home / "clone", fails=user == "bob")
        if user == "alice":
            hook = site.root / "team/app.git/hooks/update"
            hook.write_text("#!/bin/sh\nexit 1\n")
            hook.chmod(0o755)
            client.git("push", "-q", "origin", "HEAD:hooked", cwd=client.home / "clone", fails=True)
            hook.unlink()
    assert site.daemon.close() == 0
    return {
        command: subprocess.run(
            ["sh", "-c", command], cwd=site.folder, capture_output=True, text=True, check=True
        ).stdout
        for command in COMMANDS
    }


def test_the_commands_of_the_page_answer(answers) -> None:
    pushed, refused, moved = answers.values()
    assert re.search(r"Z\talice\tteam/app$", pushed, re.MULTILINE)
    assert re.search(r"^\w{10}\tbob\t/team/app\trules\tdevs-push", refused, re.MULTILINE)
    assert re.search(r"^completed\talice\tupdate\trefs/heads/main\t$", moved, re.MULTILINE)
    assert re.search(r"^completed\talice\tcreate\trefs/heads/hooked\thook declined$", moved, re.MULTILINE)
