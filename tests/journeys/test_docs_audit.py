"""docs/audit.md is true: its table is the schema's, and its commands and the guide's PushLog tell of a real server."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gitgate.audit_json import schema_text

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "audit.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
[PUSH_LOG] = [
    block
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "plugins.md").read_text(), re.DOTALL)
    if "class PushLog" in block
]

AUDITED = """
version: 1
listen: [{url: "http://127.0.0.1:0"}, {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}]
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, directory: keys.d}
  - use: rules
RULES
  - {use: tree, root: repositories}
  - {use: push-log}
"""

RULES = """
    rules:
      - {repos: ["**"], who: ["group:devs"], refs: [refs/heads/frozen], deny: [write], name: frozen}
      - {repos: ["**"], who: ["group:devs"], allow: [read, write, delete]}
      - {repos: ["**"], who: [authenticated], deny: [write], name: devs-push}
      - {repos: ["**"], who: [authenticated], allow: [read]}
"""


def test_the_table_says_what_the_schema_says() -> None:
    described = {name: field["description"] for name, field in json.loads(schema_text())["properties"].items()}
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)) == described


@pytest.fixture(scope="module")
def folder(starting, tmp_path_factory) -> Path:
    """Of a server to which pushes went over ssh and http: that moved refs, that moved nothing, that were refused."""
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    folder = tmp_path_factory.mktemp("docs-audit")
    information = folder / "installed/push_log-1.dist-info"
    information.mkdir(parents=True)
    (folder / "installed/push_log.py").write_text(PUSH_LOG)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: push-log\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[gitgate.plugins]\npush-log = push_log:PushLog\n")
    site = starting(
        folder,
        AUDITED + example[1].replace("/var/log/gitgate/", ""),
        RULES,
        environment={"PYTHONPATH": str(folder / "installed")},
    )
    for transport in ("http", "ssh"):
        hook = site.filled(f"over/{transport}.git") / "hooks/update"
        hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/hooked\n')
        hook.chmod(0o755)
        alice, bob = site.client("alice"), site.client("bob")
        for client in (alice, bob):
            url = site.url(transport, f"over/{transport}", user=client.environment["GIT_CONFIG_VALUE_0"])
            client.git("clone", "-q", url, "clone")
            client.commit(client.home / "clone", README="new\n")
        work = alice.home / "clone"
        alice.git("push", "-q", "origin", "main", cwd=work)
        alice.git("push", "-q", "origin", "main", cwd=work)  # there is nothing to push any more
        alice.git("push", "-q", "origin", "main:hooked", cwd=work, fails=True)
        alice.git("push", "-q", "origin", "main:frozen", cwd=work, fails=True)
        alice.git("push", "-q", "origin", "main:hooked", "main:topic", "main:other", cwd=work, fails=True)
        alice.git("push", "-q", "--atomic", "origin", "main:hooked", "main:atomic", cwd=work, fails=True)
        alice.git("push", "-q", "origin", ":topic", cwd=work)
        bob.git("push", "-q", "origin", "main", cwd=bob.home / "clone", fails=True)
    assert site.daemon.close() == 0
    return folder


@pytest.fixture(scope="module")
def answers(folder) -> list[list[str]]:
    """The lines that each command of the page prints."""
    if shutil.which("jq") is None:
        pytest.skip("needs jq")
    return [
        subprocess.run(
            ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for command in COMMANDS
    ]


def test_who_has_pushed_has_one_line_for_each_push_that_moved_a_ref(answers) -> None:
    lines = [re.sub(r"^[\d-]+T[\d:.]+Z\t", "", line) for line in answers[0]]
    assert sorted(lines) == ["alice\tover/http"] * 3 + ["alice\tover/ssh"] * 3


def test_what_was_refused_has_its_reason(answers) -> None:
    lines = [re.sub(r"^\w{10}\t", "", line).split("\t") for line in answers[1]]
    assert sorted((*line[:3], line[3].partition(":")[0]) for line in lines) == [
        (user, path, "rules", rule)
        for user, rule in (("alice", "frozen"), ("bob", "devs-push"))
        for path in ("/over/http", "/over/ssh")
    ]


def test_which_refs_were_moved_or_refused_has_each_with_its_fate(answers) -> None:
    expected = [
        "completed\talice\tupdate\trefs/heads/main\t",
        "completed\talice\tcreate\trefs/heads/hooked\thook declined",
        "denied\talice\tcreate\trefs/heads/frozen\t",
        "completed\talice\tcreate\trefs/heads/hooked\thook declined",
        "completed\talice\tcreate\trefs/heads/other\t",
        "completed\talice\tcreate\trefs/heads/topic\t",
        "completed\talice\tcreate\trefs/heads/atomic\tatomic push failure",
        "completed\talice\tcreate\trefs/heads/hooked\thook declined",
        "completed\talice\tdelete\trefs/heads/topic\t",
    ]
    assert sorted(answers[2]) == sorted(expected * 2)


def test_the_push_log_of_the_plugins_guide_has_the_refs_that_each_push_has_moved(folder) -> None:
    lines = (folder / "pushes.log").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("gitgate starts", "gitgate has ended")
    assert sorted(line.partition(" alice ")[2] for line in lines[1:-1]) == [
        f"pushed {refs} to over/{transport}"
        for refs in ("refs/heads/main", "refs/heads/topic", "refs/heads/topic, refs/heads/other")
        for transport in ("http", "ssh")
    ]
