"""`gitgate check --online`: the configuration, and then what its plugins depend on."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SERVICE = """
from dataclasses import dataclass
from gitgate.plugin import Finding, hookimpl

@dataclass(frozen=True)
class Settings:
    state: str

class Plugin:
    settings_type = Settings

    def __init__(self, settings):
        self._state = settings.state

    @hookimpl
    def authenticate(self):
        raise AssertionError("nobody logs in")

    @hookimpl
    async def started(self):
        if self._state == "lame":
            raise OSError("no\\nway")

    @hookimpl
    def check_online(self):
        if self._state == "broken":
            raise ConnectionRefusedError("ldaps://ldap1.example.org")
        return [
            Finding("ldaps://ldap1.example.org answers, TLS 1.3\\x1b[2J"),
            *([Finding("ldaps://ldap2.example.org does not answer", is_problem=True)] if self._state == "half" else []),
        ]
"""

Gitgate = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def check(gitgate: Gitgate, folder: Path, install: Callable[[str, str], dict[str, str]]) -> Gitgate:
    """Checks a configuration whose service is in this state, after its repositories."""
    subprocess.run(["git", "init", "-q", "--bare", folder / "repositories" / "app.git"], check=True)
    variables = install("service", SERVICE)

    def run(state: str, *more: str) -> "subprocess.CompletedProcess[str]":
        (folder / "gitgate.yaml").write_text(
            "version: 1\nlisten: [{url: 'git://127.0.0.1:0'}]\nplugins:\n"
            "  - {use: tree, root: repositories}\n"
            f"  - {{use: service, name: corp, state: {state}, hooks: [authenticate]}}\n"
        )
        return gitgate("check", *more, **variables)

    return run


ANSWERS = "online   corp: ldaps://ldap1.example.org answers, TLS 1.3\\x1b[2J\n"


def test_what_is_found_is_told_plugin_by_plugin(check: Gitgate, folder: Path) -> None:
    ran = check("fine", "--online")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith(
        f"online   tree: 1 repository below {folder / 'repositories'}\n{ANSWERS}gitgate.yaml is fine\n"
    )


def test_a_problem_has_the_place_of_its_plugin_and_is_an_outage(check: Gitgate) -> None:
    ran = check("half", "--online")

    assert (ran.returncode, ran.stdout.endswith(ANSWERS)) == (69, True)
    assert ran.stderr == "gitgate.yaml:5:5: plugins[1]: corp: ldaps://ldap2.example.org does not answer\n"


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("broken", "check_online raised ConnectionRefusedError: ldaps://ldap1.example.org"),
        ("lame", "started raised OSError: no\\nway"),
    ],
)
def test_a_plugin_that_fails_is_one_line_and_keeps_nobody_else_from_looking(
    check: Gitgate, state: str, problem: str
) -> None:
    ran = check(state, "--online")

    assert (ran.returncode, "online   tree: 1 repository below" in ran.stdout) == (69, True)
    assert ran.stderr == f"gitgate.yaml:5:5: plugins[1]: corp: {problem}\n"


HANGS = """
import time
from gitgate.plugin import hookimpl

class Plugin:
    @hookimpl
    def started(self):
        time.sleep(1000)

    @hookimpl
    def authenticate(self):
        time.sleep(1000)
"""


def test_a_plugin_whose_threads_hang_does_not_keep_a_command_from_ending(
    gitgate: Gitgate, folder: Path, install: Callable[[str, str], dict[str, str]]
) -> None:
    """1. A directory takes connections and says nothing. 2. The threads that wait for it cannot be ended, and a process
    does not end before its threads, unless they are told apart."""
    variables = install("hanging", HANGS)
    (folder / "gitgate.yaml").write_text(
        "version: 1\nlisten: [{url: 'git://127.0.0.1:0'}]\nplugins: [{use: hanging, deadline: 200ms}]\n"
    )

    checked = gitgate("check", "--online", **variables)
    tried = gitgate("login-test", "alice", given="x\n", **variables)

    late = "did not answer within its deadline of 0.2 s"
    assert (checked.returncode, checked.stderr) == (69, f"gitgate.yaml:3:11: plugins[0]: hanging: started {late}\n")
    assert (tried.returncode, tried.stderr) == (69, f"gitgate: hanging: started {late}\n")
    assert f"\n    hanging  FAILED: hanging: authenticate {late}\n" in tried.stdout


def test_without_the_option_nothing_is_looked_at(check: Gitgate) -> None:
    ran = check("half")

    assert (ran.returncode, ran.stderr, "online" in ran.stdout) == (0, "", False)


def test_a_wrong_configuration_is_told_before_anything_is_looked_at(check: Gitgate, folder: Path) -> None:
    (folder / "repositories").rename(folder / "away")

    ran = check("half", "--online")

    assert (ran.returncode, "online" in ran.stdout) == (78, False)
    assert ran.stderr.startswith("gitgate.yaml:4:17: plugins[0].root: ")
