"""Rules x users x changes of refs x transports: the verdict, what the user reads, and what the audit log says.

One row is one push, by real git, to a repository of its own. Every row runs over each transport on which its user can
log in: ssh knows keys, http and https passwords, and git:// nobody.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

#: One prefix for each set of rules.
RULES = """
    rules:
      - name: releases-stay
        repos: ["product/**"]
        refs: ["refs/tags/v*"]
        who: [everyone]
        deny: [force, delete]
        message: a release is for ever
      - name: main-stays
        repos: ["product/**"]
        refs: [refs/heads/main]
        who: [everyone]
        deny: [force, delete]
        message: main only moves forward
      - {name: devs, repos: ["product/**"], who: ["group:devs"], allow: [read, write, force, delete]}
      - {name: guests, repos: ["product/**"], who: [authenticated], allow: [read]}

      - {name: own-branches, repos: ["team/**"], refs: ["refs/heads/{user}/**"], who: [authenticated],
         allow: [write, force, delete]}
      - {name: merges, repos: ["team/**"], refs: [refs/heads/main], who: ["group:devs"], allow: [write]}
      - {name: all-read, repos: ["team/**"], who: [authenticated], allow: [read]}

      - {name: posted, repos: ["box/**"], refs: ["refs/heads/in/**"], who: [everyone], allow: [write]}
      - {name: box, repos: ["box/**"], who: [everyone], allow: [read]}
      - {name: box-keepers, repos: ["box/**"], who: ["group:devs"], allow: [write, force, delete]}
"""

SITE = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, directory: keys.d}
  - use: rules
RULES
  - {use: tree, root: repositories}
audit: {file: audit.jsonl}
"""

REJECTED = re.compile(r"! \[remote rejected\] +(?:\S+ -> )?(\S+) +\((.*?)(?: \(id \w+\))?\)$", re.MULTILINE)

WITH_ANOTHER = "refused together with another ref of this push"


class Row(NamedTuple):
    """`told`, by the name of the ref as git shows it; None: all is stored. `decided` is the audit record's reason."""

    user: str | None
    repository: str
    push: str
    verdict: str
    decided: str
    told: dict[str, str] | None = None
    transports: tuple[str, ...] = ()


#: In the work tree, `forward` is ahead of what each repository has as main, topic, alice/x, in/1 and v1. `beside` is
#: not: to push it is to rewind.
ALICE_IS_A_DEVELOPER = [
    Row("alice", "product", "forward:refs/heads/main", "completed", "devs"),
    Row("alice", "product", "+beside:refs/heads/main", "denied", "main-stays", {"main": "main only moves forward"}),
    Row("alice", "product", ":refs/heads/main", "denied", "main-stays", {"main": "main only moves forward"}),
    Row("alice", "product", "+beside:refs/heads/topic", "completed", "devs"),
    Row("alice", "product", ":refs/heads/topic", "completed", "devs"),
    Row("alice", "product", "forward:refs/heads/new", "completed", "devs"),
    Row("alice", "product", "forward:refs/tags/v2", "completed", "devs"),
    Row("alice", "product", "+forward:refs/tags/v1", "denied", "releases-stay", {"v1": "a release is for ever"}),
    Row("alice", "product", ":refs/tags/v1", "denied", "releases-stay", {"v1": "a release is for ever"}),
    Row("alice", "product", "forward:refs/heads/main +beside:refs/heads/topic", "completed", "devs"),
    Row(
        "alice",
        "product",
        "+beside:refs/heads/main forward:refs/heads/new",
        "denied",
        "main-stays",
        {"main": "main only moves forward", "new": WITH_ANOTHER},
    ),
    Row("alice", "team", "forward:refs/heads/main", "completed", "merges"),
    Row("alice", "team", "+beside:refs/heads/main", "denied", "", {"main": "access denied"}),
    Row("alice", "team", "+beside:refs/heads/alice/x", "completed", "own-branches"),
    Row("alice", "team", ":refs/heads/alice/x", "completed", "own-branches"),
    Row("alice", "team", "forward:refs/heads/bob/x", "denied", "", {"bob/x": "access denied"}),
    Row("alice", "box", "+beside:refs/heads/in/1", "completed", "posted"),
    Row("alice", "box", ":refs/heads/in/1", "completed", "box-keepers"),
]
BOB_IS_A_GUEST = [
    Row("bob", "product", "forward:refs/heads/new", "denied", "", {}),
    Row("bob", "team", "forward:refs/heads/bob/x", "completed", "own-branches"),
    Row("bob", "team", "forward:refs/heads/main", "denied", "", {"main": "access denied"}),
    Row("bob", "team", ":refs/heads/alice/x", "denied", "", {"alice/x": "access denied"}),
    Row(
        "bob",
        "team",
        "forward:refs/heads/bob/x forward:refs/heads/main",
        "denied",
        "",
        {"main": "access denied", "bob/x": WITH_ANOTHER},
    ),
    # Over http, git logs in only where it is asked to, and here it is not.
    Row("bob", "box", "forward:refs/heads/in/2", "completed", "posted", transports=("ssh",)),
    Row("bob", "box", "+beside:refs/heads/in/1", "denied", "", {"in/1": "access denied"}),
]
ANYBODY = [
    Row(None, "product", "forward:refs/heads/new", "challenged", "", {}),
    Row(None, "box", "forward:refs/heads/in/2", "completed", "posted"),
    Row(None, "box", "forward:refs/heads/in/1", "completed", "posted"),
    Row(None, "box", "+beside:refs/heads/in/1", "denied", "", {"in/1": "authentication required"}),
    Row(None, "box", ":refs/heads/in/1", "denied", "", {"in/1": "authentication required"}),
    Row(None, "box", "forward:refs/heads/main", "denied", "", {"main": "authentication required"}),
]
TRANSPORTS = {"alice": ("ssh", "http", "https"), "bob": ("ssh", "http"), None: ("http", "git")}
TABLE = [
    pytest.param(row, transport, id=f"{row.user}-{row.repository}-{row.push}-{transport}")
    for row in (*ALICE_IS_A_DEVELOPER, *BOB_IS_A_GUEST, *ANYBODY)
    for transport in row.transports or TRANSPORTS[row.user]
]


class Table:
    """A site with these rules, a repository to copy, and a work tree to push from."""

    def __init__(self, site: Any) -> None:
        self.site = site
        client = site.client("alice")
        self.work = client.work_tree(str(site.repository("pattern.git")))
        client.commit(self.work, README="second\n")
        client.git("tag", "v1", cwd=self.work)
        heads = [f"main:refs/heads/{name}" for name in ("main", "topic", "alice/x", "in/1")]
        client.git("push", "-q", "origin", *heads, "v1", cwd=self.work)
        client.git("checkout", "-q", "-b", "forward", cwd=self.work)
        client.commit(self.work, forward="forward\n")
        client.git("checkout", "-q", "-b", "beside", "main~1", cwd=self.work)
        client.commit(self.work, beside="beside\n")
        self.pattern = site.root / "pattern.git"
        self.clients = {user: site.client(user or "alice") for user in ("alice", "bob", None)}

    def record_of(self, path: str, verdict: str) -> dict[str, Any]:
        """The record of the push to `path`, once it is there: over http the advertisement before it has its own."""
        give_up = time.monotonic() + 40
        while time.monotonic() < give_up:
            lines = (self.site.folder / "audit.jsonl").read_text().splitlines()
            records = [json.loads(line) for line in lines if f'"{path}"' in line]
            if records and records[-1]["verdict"] == verdict and (records[-1]["refs"] or verdict != "completed"):
                return records[-1]
            time.sleep(0.02)
        pytest.fail(f"no record of {verdict} for {path}: {records}")


@pytest.fixture(scope="module")
def table(starting: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    site = starting(tmp_path_factory.mktemp("table"), SITE, RULES)
    yield Table(site)
    assert site.daemon.close() == 0
    assert "Traceback" not in site.daemon.log()


@pytest.mark.parametrize(("row", "transport"), TABLE)
def test_a_push_ends_as_the_rules_say(table: Table, row: Row, transport: str, unique: str) -> None:
    path = f"{row.repository}/{unique}"
    verdict, told = row.verdict, row.told
    if verdict == "denied" and row.user is None and transport == "http":
        verdict, told = "challenged", {}  # a login may help, and git can send the push again
    repository = table.site.root / f"{path}.git"
    shutil.copytree(table.pattern, repository)
    before = refs(repository)

    printed = table.clients[row.user].git(
        "push",
        table.site.url(transport, path, user=row.user),
        *row.push.split(),
        cwd=table.work,
        fails=verdict != "completed",
    )

    assert dict(REJECTED.findall(printed)) == (told or {})
    record = table.record_of(f"/{path}", verdict)
    assert record["transport"] == transport
    assert record["identity"] == (row.user or "anonymous")
    assert record["reason"].startswith(row.decided or ("no rule", "no plugin"))
    if told is None:
        assert {ref["ref"]: ref["new"] for ref in record["refs"]} == difference(before, refs(repository))
    else:
        if "+beside" in row.push and verdict == "denied":
            rewound = {f"refs/heads/{name}" for name, message in told.items() if message != WITH_ANOTHER}
            assert {ref["ref"] for ref in record["refs"] if ref["change"] == "rewind"} == rewound
        assert refs(repository) == before
        assert not list(repository.glob("objects/tmp_objdir-*"))
        assert set(re.findall(r"\(id (\w+)\)", printed)) <= {record["request_id"]}


def refs(repository: Path) -> dict[str, str]:
    command = ["git", "for-each-ref", "--format=%(refname) %(objectname)"]
    printed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in printed.splitlines())


def difference(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """What each changed ref is now; zeros where it is gone."""
    return {name: after.get(name, "0" * 40) for name in before | after if before.get(name) != after.get(name)}
