"""`ssh host` and `ssh host info` with OpenSSH's own client: the user sees what she can reach."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Ssh = Callable[..., "subprocess.CompletedProcess[str]"]

RULES = """
    rules:
      - {repos: ["public/**"], who: [everyone], allow: [read]}
      - {repos: ["team/**"], who: ["group:devs"], allow: [read, write]}
      - {repos: ["many/**"], who: [bob], allow: [read]}
"""


@pytest.fixture
def small_site(another_site: Any) -> Any:
    site = another_site(rules=RULES)
    for path in ("team/app", "public/doc", "secret/x"):
        site.repository(path)
    return site


@pytest.fixture
def ssh(small_site: Any) -> Ssh:
    def run(user: str, *command: str, login: str | None = None) -> "subprocess.CompletedProcess[str]":
        client = small_site.client(user)
        host, _, port = small_site.daemon.urls["ssh"].rpartition("/")[2].rpartition("@")[2].rpartition(":")
        return subprocess.run(
            [*client.environment["GIT_SSH_COMMAND"].split(), "-p", port, f"{login or user}@{host}", *command],
            env=client.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_who_logs_in_without_a_command_is_shown_what_she_can_reach(ssh: Ssh) -> None:
    ran = ssh("alice", login="git")
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0].startswith("Hi alice, ")
    assert ran.stdout.endswith("\nYou can reach:\n  read         public/doc\n  read, write  team/app\n")


def test_info_shows_each_user_her_own_and_json_has_the_same(ssh: Ssh) -> None:
    assert (ran := ssh("alice", "info")).returncode == 0
    assert (ran.stdout, ran.stderr) == ("read         public/doc\nread, write  team/app\n", "")
    assert ssh("bob", "info").stdout == "read  public/doc\n"
    assert json.loads(ssh("alice", "info", "--json", login="git").stdout) == {
        "user": "alice",
        "groups": ["devs"],
        "repositories": [
            {"path": "/public/doc", "name": "public/doc", "rights": ["read"]},
            {"path": "/team/app", "name": "team/app", "rights": ["read", "write"]},
        ],
        "complete": True,
    }


def test_each_list_has_a_record(small_site: Any, ssh: Ssh) -> None:
    """Some people log in for nothing else."""
    ssh("bob", "info")
    (line,) = [line for line in small_site.daemon.log().splitlines() if " audit: " in line]
    assert "ssh 127.0.0.1 bob request: completed (repositories listed: 1)" in line


def test_the_greeting_begins_a_long_list_and_info_has_it_whole(small_site: Any, ssh: Ssh) -> None:
    for number in range(25):
        small_site.repository(f"many/r{number:02}")

    greeting, whole = ssh("bob").stdout, ssh("bob", "info").stdout

    assert greeting.endswith("  read  many/r19\n  and more, which the command `info` lists\n")
    assert whole.splitlines() == [*(f"read  many/r{number:02}" for number in range(25)), "read  public/doc"]
