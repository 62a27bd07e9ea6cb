"""`gitgate explain` says what the running server does, and `gitgate repos` what it would serve."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

RULES = """
    rules:
      - {repos: ["public/**"], who: [everyone], allow: [read]}
      - repos: ["team/**"]
        refs: ["refs/heads/main"]
        who: ["group:devs"]
        deny: [force, delete]
        name: main-stays
        message: main is never rewound.
      - {repos: ["team/**"], refs: ["refs/heads/release/**"], who: ["group:devs"], deny: [write, force, delete]}
      - {repos: ["team/**"], who: ["group:devs"], allow: [read, write, force, delete]}
      - {repos: ["team/**"], who: [authenticated], allow: [read]}
      - repos: ["team/**"]
        who: [authenticated]
        deny: [write]
        message: Pushing is for developers.
      - {repos: ["users/{user}/**"], who: [authenticated], allow: [read, write, create]}
"""

CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, directory: keys.d, shared_user: git}
  - use: rules
RULES
  - {use: tree, root: repositories, create_on_push: true}
"""


#: What stands below an answer for somebody who was only named.
NAME_ONLY = "The name is taken as given: whether %s can log in is not looked at; `gitgate login-test` does.\n"


class Case(NamedTuple):
    user: str
    verb: str
    repo: str
    ref: str | None = None
    transport: str = "ssh"

    @property
    def words(self) -> list[str]:
        return [self.user, self.verb, self.repo, *([self.ref] if self.ref else []), "--transport", self.transport]


MAIN, TOPIC, RELEASE = "refs/heads/main", "refs/heads/topic", "refs/heads/release/1"

CASES = [
    *(Case("alice", "read", repo) for repo in ("team/app", "public/doc", "secret/x", "missing", "users/alice/new")),
    Case("bob", "read", "team/app", None, "http"),
    Case("bob", "read", "secret/x", None, "http"),
    *(Case("anonymous", "read", repo, None, "http") for repo in ("team/app", "public/doc", "missing")),
    *(Case("alice", verb, "team/app", ref) for verb in ("write", "force", "delete") for ref in (MAIN, TOPIC)),
    Case("alice", "write", "team/app", RELEASE),
    Case("alice", "write", "team/app", MAIN, "http"),
    Case("alice", "force", "team/app", MAIN, "http"),
    *(Case("alice", "create", "team/app", ref) for ref in ("refs/heads/release/2", "refs/tags/v2")),
    *(Case("bob", "write", repo, MAIN) for repo in ("team/app", "public/doc", "secret/x")),
    Case("anonymous", "write", "public/doc", MAIN, "http"),
    *(Case("alice", "create", f"users/{user}/new") for user in ("alice", "bob")),
]


class Repositories:
    """The repositories of the site, which each push finds as they were in the beginning."""

    def __init__(self, site: Any) -> None:
        self._site = site
        self._client = site.client()
        for path in ("team/app", "public/doc", "secret/x"):
            site.repository(path)
            # Whether git itself lets the default branch be deleted is not the question.
            self._client.git("config", "receive.denyDeleteCurrent", "ignore", cwd=site.root / path)
        self._work = self._client.work_tree(str(site.root / "team/app"))
        self._base = self._client.commit(self._work, a="1")
        self._forward = self._client.commit(self._work, a="2")
        self._client.git("reset", "-q", "--hard", self._base, cwd=self._work)
        self._sideways = self._client.commit(self._work, a="3")

    def push(self, case: Case) -> "subprocess.CompletedProcess[str]":
        """Really does what the case is about."""
        folder = self._site.root / case.repo
        if folder.is_dir():
            now = self._forward if case.verb == "force" else self._base
            self._client.git("fetch", "-q", self._work, now, cwd=folder)
            for ref in (MAIN, TOPIC, RELEASE):
                self._client.git("update-ref", ref, now, cwd=folder)
        what = {"force": f"+{self._sideways}", "delete": ""}.get(case.verb, self._forward)
        return self._run(case, "push", self._url(case), f"{what}:{case.ref or MAIN}")

    def read(self, case: Case) -> "subprocess.CompletedProcess[str]":
        return self._run(case, "ls-remote", self._url(case))

    def _url(self, case: Case) -> str:
        return self._site.url(case.transport, case.repo, user=None if case.user == "anonymous" else case.user)

    def _run(self, case: Case, *words: str) -> "subprocess.CompletedProcess[str]":
        client = self._site.client("alice" if case.user == "anonymous" else case.user)
        return client.run(*words, cwd=self._work)


def python(site: Any, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=site.folder,
        env={**os.environ, "GITGATE_CONFIG": str(site.folder / "gitgate.yaml")},
        input=given,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def gitgate(site: Any, *words: str) -> "subprocess.CompletedProcess[str]":
    return python(site, "-m", "gitgate", *words)


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def gitgate_for_each(site: Any, *commands: str | list[str]) -> list[Ran]:
    """What each of these commands says; much quicker than one by one."""
    words = [command.split() if isinstance(command, str) else command for command in commands]
    ran = python(site, str(Path(__file__).with_name("commands_of_gitgate.py")), given=json.dumps(words))
    assert ran.returncode == 0, ran.stderr
    return [Ran(*each) for each in json.loads(ran.stdout)]


def without_id(message: str) -> str:
    return re.sub(r" \(id \w+\)", "", message)


def test_it_says_what_the_server_does(another_site: Any) -> None:
    site = another_site(CONFIGURATION, RULES)
    repositories = Repositories(site)
    commands = [["explain", "--json", *case.words] for case in CASES]
    ran = dict(zip(CASES, gitgate_for_each(site, *commands), strict=True))
    explained = {case: json.loads(process.stdout) for case, process in ran.items()}
    assert {case: process.returncode for case, process in ran.items()} == {
        case: 0 if explanation["allowed"] else 1 for case, explanation in explained.items()
    }
    assert not (site.root / "users").exists()  # explaining a creation creates nothing

    done = {case: repositories.read(case) if case.verb == "read" else repositories.push(case) for case in CASES}

    assert {case: process.returncode == 0 for case, process in done.items()} == {
        case: explanation["allowed"] for case, explanation in explained.items()
    }
    assert {True, False} == {explanation["allowed"] for explanation in explained.values()}
    for case, process in done.items():
        if process.returncode and case.transport == "ssh":
            told = without_id(explained[case]["refusal"]["message"])
            assert told in without_id(process.stderr), (case, told)


def test_it_is_readable(another_site: Any) -> None:
    site = another_site(CONFIGURATION, RULES)
    site.filled("team/app")

    ran = gitgate(site, "explain", "alice", "force", "team/app", "main")

    told = without_id(ran.stdout).replace(str(site.root), "ROOT")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert told.startswith(
        "alice (groups: devs), over ssh from 127.0.0.1\n"
        "\nWhere does /team/app lead?\n"
        "  * tree  team/app at ROOT/team/app\n"
    )
    assert "\nMay alice rewind refs/heads/main in team/app?\n  * rules  deny: main-stays: " in told
    assert told.endswith("The client is told: main is never rewound.\n")


def test_somebody_is_a_key_or_groups_as_well(another_site: Any) -> None:
    site = another_site(CONFIGURATION, RULES)
    site.filled("team/app")

    expected = {
        f"git push team/app --key {site.keys}/alice.pub": (0, "alice", ["devs"], "authorized-keys"),
        f"git push team/app --key {site.keys}/bob.pub": (1, "bob", [], "authorized-keys"),
        f"alice push team/app --key {site.keys}/bob.pub": (1, None, None, None),
        "carol push team/app --group devs": (0, "carol", ["devs"], None),
        "alice push team/app --group guests": (1, "alice", ["guests"], None),
    }
    ran = gitgate_for_each(site, *(f"explain --json {question}" for question in expected))
    shown = [json.loads(each.stdout) for each in ran]
    assert [
        (each.returncode, said["user"], said["groups"], said["authenticated_by"])
        for each, said in zip(ran, shown, strict=True)
    ] == list(expected.values())


def test_repos_lists_what_somebody_can_reach(another_site: Any) -> None:
    site = another_site(CONFIGURATION, RULES)
    for path in ("team/app", "public/doc", "secret/x", "users/bob/b"):
        site.repository(path)

    alices, bobs, everybodys = gitgate_for_each(site, "repos alice", "repos bob", "repos anonymous --json")

    assert alices.stdout == "read         public/doc\nread, write  team/app\n"
    assert bobs.stdout == "read         public/doc\nread         team/app\nread, write  users/bob/b\n"
    assert json.loads(everybodys.stdout) == [{"path": "/public/doc", "name": "public/doc", "rights": ["read"]}]


def write(folder: Path, configuration: str) -> None:
    (folder / "gitgate.yaml").write_text(f"version: 1\nlisten: [{{url: 'http://127.0.0.1:0'}}]\n{configuration}")


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    class Folder(NamedTuple):
        folder: Path

    return Folder(tmp_path)


@pytest.mark.parametrize("command", [["explain", "alice", "read", "app"], ["repos", "alice"]])
def test_a_wrong_configuration_is_told_with_its_line(folder: Any, command: list[str]) -> None:
    write(folder.folder, "plugins: [{use: tree, root: nowhere}]\n")
    ran = gitgate(folder, *command)
    assert (ran.returncode, ran.stdout) == (78, "")
    assert "gitgate.yaml:3:" in ran.stderr


FAILS = """
from gitgate.plugin import hookimpl
class Plugin:
    @hookimpl
    def resolve_path(self):
        raise OSError("the file server is away")
    @hookimpl
    def list_repositories(self):
        return ["/app"]
"""


def test_a_plugin_that_fails_is_a_temporary_outage(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.folder / "away.py").write_text(FAILS)
    information = folder.folder / "away-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: away\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[gitgate.plugins]\naway = away:Plugin\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder.folder}:{os.environ.get('PYTHONPATH', '')}")
    write(folder.folder, "plugins: [{use: away}]\n")

    explained, listed = gitgate_for_each(folder, "explain alice read app", "repos alice")

    assert (explained.returncode, listed.returncode, listed.stdout) == (75, 75, "")
    assert "  * away  FAILED: away: resolve_path raised OSError: the file server is away\n" in explained.stdout
    assert listed.stderr.endswith("gitgate: away: resolve_path raised OSError: the file server is away\n")


def test_a_folder_is_explained_as_it_is_served(folder: Any) -> None:
    subprocess.run(["git", "init", "-q", "--bare", folder.folder / "app.git"], check=True)
    (folder.folder / ".repoperms").write_text("[app]\nalice = rw\nbob = r\n")

    questions = ("explain alice push app", "explain bob push app", "repos bob")
    asked = [[*question.split(), "--directory", str(folder.folder)] for question in questions]
    alices, bobs, listed = gitgate_for_each(folder, *asked)

    assert (alices.returncode, bobs.returncode) == (0, 1)
    assert f"deny: {folder.folder}/.repoperms:3: bob = r in [app]" in bobs.stdout
    assert (listed.returncode, listed.stdout) == (0, "read  app\n")
    assert listed.stderr == NAME_ONLY % "bob"


def test_a_user_whom_no_plugin_knows_is_told_to_be_taken_by_name(folder: Any) -> None:
    """1. An operator asks about `alcie`, in place of alice. 2. A rule for everyone answers: ALLOWED."""
    subprocess.run(["git", "init", "-q", "--bare", folder.folder / "app.git"], check=True)
    rules = 'rules: [{repos: ["**"], who: [everyone], allow: [read]}]'
    write(folder.folder, f"plugins: [{{use: rules, {rules}}}, {{use: tree, root: .}}]\n")

    named, anonymous = gitgate_for_each(folder, "explain alcie read app", "explain anonymous read app")

    assert named.stdout.endswith("\nALLOWED\n" + NAME_ONLY % "alcie")
    assert anonymous.stdout.endswith("\nALLOWED\n")


@pytest.mark.parametrize(
    ("doors", "user", "transport"),
    [
        (["git://127.0.0.1:0", "http://127.0.0.1:0"], "alice", "http"),
        (["http://127.0.0.1:0", "ssh://127.0.0.1:0"], "alice", "ssh"),
        (["ssh://127.0.0.1:0", "git://127.0.0.1:0"], "anonymous", "git"),
    ],
)
def test_a_client_comes_through_a_door_that_there_is(folder: Any, doors: list[str], user: str, transport: str) -> None:
    listen = ", ".join(f"{{url: '{door}'}}" for door in doors)
    (folder.folder / "gitgate.yaml").write_text(f"version: 1\nlisten: [{listen}]\nplugins: [{{use: tree, root: .}}]\n")
    ran = gitgate(folder, "explain", user, "read", "app")
    assert f", over {transport} from 127.0.0.1\n" in ran.stdout
