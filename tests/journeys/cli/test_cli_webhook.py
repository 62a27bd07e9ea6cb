"""`gitgate webhook test`, on a plugin that stands in for the webhook: an async one that logs what it would send."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SERVICE = """
import logging
from dataclasses import dataclass
from gitgate.plugin import (
    Access, Allow, Deny, Identity, Missing, Password, Rejected, Repository, SettingsError, hookimpl
)

_log = logging.getLogger(__name__)

@dataclass(frozen=True)
class Settings:
    url: str

class Plugin:
    accepts = (Password,)
    settings_type = Settings

    def __init__(self, settings):
        self._url = settings.url

    async def _send(self, hook, body):
        _log.debug("POST %s %s", self._url, body)
        if "down" in self._url:
            raise ConnectionRefusedError(self._url)
        _log.debug("200 in 0.012 s")

    @hookimpl
    async def started(self):
        if "lame" in self._url:
            raise OSError("no way")

    @hookimpl
    async def authenticate(self, credentials, peer):
        await self._send("authenticate", f"{credentials.username} over {peer.transport.value}")
        return Rejected("wrong password")

    @hookimpl
    async def enrich_identity(self, identity):
        await self._send("enrich_identity", identity.name)
        return Identity(name=identity.name, groups=identity.groups | {"staff"}, attributes={"mail": "a@example.org"})

    @hookimpl
    async def resolve_path(self, request):
        await self._send("resolve_path", f"{request.username} {request.path}")
        return Missing("no such app")

    @hookimpl
    async def authorize(self, identity, request, repository):
        refs = " ".join(update.ref for update in request.updates)
        groups = ",".join(sorted(identity.groups))
        await self._send(
            "authorize", f"{identity.name} ({groups}) {request.access.value} {repository.directory} {refs}".strip()
        )
        if request.access is Access.READ:
            return Allow("readers")
        return Deny("frozen", "Come back on Monday.", ("refs/heads/main",)) if refs else None

    @hookimpl
    async def audited(self, record):
        raise AssertionError("nothing has happened")
"""

#: As `gitgate`, with the plugin above, whose name is not the webhook's, in its place.
PROGRAM = """
import sys, gitgate.cli
sys.modules["gitgate.cli.webhook"]._USE = "service"
gitgate.cli.main()
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def webhook_test(folder: Path, environ: dict[str, str], install: Callable[[str, str], dict[str, str]]) -> Run:
    variables = install("service", SERVICE)
    subprocess.run(["git", "init", "-q", "--bare", folder / "repositories" / "team" / "app.git"], check=True)

    def run(entries: str, *words: str) -> "subprocess.CompletedProcess[str]":
        (folder / "gitgate.yaml").write_text(
            f"version: 1\nlisten: [{{url: 'git://127.0.0.1:0'}}]\nplugins:\n{entries}"
            "  - {use: tree, root: repositories}\n"
        )
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, "webhook", "test", *words],
            cwd=folder,
            env={**environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


POLICY = "  - {use: service, name: policy, url: 'https://policy.example.org', hooks: [authorize]}\n"
PEOPLE = "  - {use: service, name: people, url: 'https://people.example.org'}\n"
DOWN = "  - {use: service, name: down, url: 'https://down.example.org', hooks: [authorize, audited]}\n"


def test_every_question_is_sent_and_its_answer_shown_as_it_is_understood(webhook_test: Run) -> None:
    ran = webhook_test(PEOPLE)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        """\
people answers authenticate, enrich_identity, resolve_path, authorize

authenticate: Is 'not-a-password' the password of gitgate-test?
    POST https://people.example.org gitgate-test over ssh
    200 in 0.012 s
  rejected: wrong password

enrich_identity: What else is known of gitgate-test?
    POST https://people.example.org gitgate-test
    200 in 0.012 s
  gitgate-test (groups: staff)
    attribute mail: a@example.org

resolve_path: Where does /gitgate/test lead?
    POST https://people.example.org gitgate-test /gitgate/test
    200 in 0.012 s
  nothing: no such app

/gitgate/test leads nowhere, so authorize is asked about a made-up repository

authorize: May gitgate-test read gitgate/test?
    POST https://people.example.org gitgate-test () read /nonexistent/gitgate/test.git
    200 in 0.012 s
  allow: readers

authorize: May gitgate-test push to gitgate/test?
    POST https://people.example.org gitgate-test () write /nonexistent/gitgate/test.git
    200 in 0.012 s
  no opinion

authorize: May gitgate-test move refs/heads/main in gitgate/test?
    POST https://people.example.org gitgate-test () write /nonexistent/gitgate/test.git refs/heads/main
    200 in 0.012 s
  deny: frozen
    message for the client: Come back on Monday.
    refs: refs/heads/main

audited: not sent, as the record of what did not happen would stand among true ones
"""
    )


def test_a_true_case_is_asked_about_where_it_is_given(webhook_test: Run, folder: Path) -> None:
    words = ["--user", "alice", "--group", "devs", "--repository", "team/app", "--ref", "topic", "--transport", "https"]
    ran = webhook_test(POLICY, *words)

    directory = folder / "repositories/team/app.git"
    assert ran.returncode == 0
    assert ran.stdout.startswith("policy answers authorize\n\nauthorize: May alice read team/app?\n")
    assert f"    POST https://policy.example.org alice (devs) write {directory} refs/heads/topic\n" in ran.stdout
    assert "authenticate" not in ran.stdout


def test_nobody_logs_in_as_anonymous_and_the_other_questions_are_asked(webhook_test: Run) -> None:
    ran = webhook_test(PEOPLE, "--user", "anonymous", "--transport", "git")

    assert ran.returncode == 0
    assert "authenticate:" not in ran.stdout
    assert "enrich_identity:" not in ran.stdout
    assert "\nresolve_path: Where does /gitgate/test lead?\n    POST https://people.example.org None /git" in ran.stdout
    assert "\nauthorize: May anonymous read gitgate/test?\n" in ran.stdout


def test_a_service_that_does_not_answer_is_told_for_each_question_without_a_traceback(webhook_test: Run) -> None:
    ran = webhook_test(POLICY + DOWN)

    assert (ran.returncode, ran.stderr) == (69, "")
    assert "\n\ndown answers authorize\n" in ran.stdout
    failed = "  FAILED: down: authorize raised ConnectionRefusedError: https://down.example.org\n"
    assert ran.stdout.count(failed) == 3
    assert "audited: not sent" in ran.stdout


def test_one_of_several_is_tried_by_its_name(webhook_test: Run) -> None:
    ran = webhook_test(POLICY + DOWN, "policy")

    assert (ran.returncode, "down" in ran.stdout) == (0, False)


def test_a_plugin_that_cannot_start_is_told(webhook_test: Run) -> None:
    ran = webhook_test(POLICY.replace("policy.example", "lame.example"))

    assert ran.stderr == "gitgate: policy: started raised OSError: no way\n"


@pytest.mark.parametrize(
    ("entries", "words", "code", "message"),
    [
        ("", [], 1, "gitgate.yaml has no plugin with `use: service`"),
        (POLICY + DOWN, ["tree"], 1, "has no plugin with `use: service` called tree; there are: policy, down"),
        (POLICY, ["--repository", "../x"], 2, "--repository cannot be asked for: the path has '..'"),
        (POLICY, ["--repository", "x.git.git"], 2, "--repository cannot be asked for: a repository's name is like"),
        (POLICY, ["--user", ""], 2, "--user is empty"),
        (POLICY, ["--user", "anonymous", "--group", "devs"], 2, "`anonymous` is in no group"),
        (POLICY, ["--address", "here"], 2, "--address 'here' is not an IP address"),
        (POLICY.replace("url", "uri"), [], 78, "unknown key"),
    ],
)
def test_what_cannot_be_asked_is_told(
    webhook_test: Run, entries: str, words: list[str], code: int, message: str
) -> None:
    ran = webhook_test(entries, *words)

    assert (ran.returncode, ran.stdout) == (code, "")
    assert message in " ".join(ran.stderr.split())
