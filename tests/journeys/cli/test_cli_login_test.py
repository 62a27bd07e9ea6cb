"""`gitgate login-test`: the same chain as the server's, seen from the inside."""

import base64
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest

CORP = '''
import logging
from dataclasses import dataclass
from gitgate.plugin import Identity, Password, Rejected, hookimpl

_log = logging.getLogger(__name__)

@dataclass(frozen=True)
class Settings:
    notes: str

class Plugin:
    """A directory. It counts logins, and is not discreet."""

    accepts = (Password,)
    settings_type = Settings

    def __init__(self, settings):
        self._notes = settings.notes

    @hookimpl
    def authenticate(self, credentials, peer):
        with open(self._notes, "a") as notes:
            notes.write(f"login {credentials.username} {peer.transport.value} {peer.address}\\n")
        logging.getLogger("somelibrary").debug("simple bind with %s", credentials.password)
        _log.debug("connected to %s", "ldaps://ldap1.example.org")
        _log.debug("bind with %r", credentials.password)
        _log.warning("found \\x1b[31muid=%s", credentials.username)
        if credentials.username == "mallory":
            raise OSError("ldap1 went away")
        if credentials.username == "dave":
            return None
        if credentials.password != "wonder land!":
            return Rejected("wrong password")
        return Identity(name=credentials.username, attributes={"mail": "alice@example.org", "uid": "1000"})

    @hookimpl
    async def enrich_identity(self, identity):
        _log.info("searched for groups")
        if identity.name == "bob":
            return Rejected("the account is disabled")
        return Identity(name=identity.name, groups=identity.groups | {"staff"}, attributes=identity.attributes)
'''

CONFIGURATION = """\
version: 1
listen: [{url: "http://127.0.0.1:0"}]
plugins:
  - {use: authorized-keys, file: users.keys, shared_user: git}
  - {use: corp, notes: notes}
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: tree, root: .}
"""

Gitgate = Callable[..., "subprocess.CompletedProcess[str]"]
Install = Callable[[str, str], dict[str, str]]


@pytest.fixture
def site(folder: Path) -> Path:
    (folder / "gitgate.yaml").write_text(CONFIGURATION.replace("notes: notes", f"notes: {folder / 'notes'}"))
    hashed = base64.b64encode(sha1(b"looking-glass").digest()).decode()
    (folder / "users.htpasswd").write_text(f"dave:{{SHA}}{hashed}\n")
    (folder / "users.groups").write_text("devs: alice dave\n")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    (folder / "users.keys").write_text(f"alice: {(folder / 'key.pub').read_text()}")
    return folder


@pytest.fixture
def login_test(gitgate: Gitgate, install: Install) -> Gitgate:
    variables = install("corp", CORP)
    return lambda *words, given="wonder land!\n": gitgate("login-test", *words, given=given, **variables)


def test_each_step_is_shown_with_what_the_plugin_logged(site: Path, login_test: Gitgate) -> None:
    ran = login_test("alice")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        """\
alice with a password, over ssh from 127.0.0.1

Who is it?
    authorized-keys  not asked: takes other credentials than these
  * corp             alice (groups: none)
        connected to ldaps://ldap1.example.org
        (a line that holds the password is not shown)
        found \\x1b[31muid=alice
    htpasswd         not asked: the answer is known

What else is known?
    corp             alice (groups: staff)
        searched for groups
    htpasswd         alice (groups: devs, staff)

LOGGED IN by corp
name        alice
groups      devs, staff
attributes  mail: alice@example.org
            uid: 1000
"""
    )


def test_a_wrong_password_is_tried_once_and_at_one_plugin(site: Path, login_test: Gitgate) -> None:
    """1. The directory locks an account after three wrong passwords. 2. Somebody who looks for the cause of a failed
    login, with the wrong password, takes one step towards that, and not one for each plugin or question."""
    ran = login_test("alice", "--address", "192.0.2.9", "--transport", "https", given="wrong\n")

    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.startswith("alice with a password, over https from 192.0.2.9\n")
    assert "    htpasswd         not asked: the answer is known\n" in ran.stdout
    assert ran.stdout.endswith("\nREFUSED by corp: wrong password\nThe client is told: login failed\n")
    assert (site / "notes").read_text() == "login alice https 192.0.2.9\n"


def test_who_is_unknown_to_one_plugin_may_be_known_to_the_next(site: Path, login_test: Gitgate) -> None:
    right, wrong = (login_test("dave", given=given) for given in ("looking-glass\n", "x\n"))

    assert right.returncode == 0
    assert "    corp             no opinion\n" in right.stdout
    assert "  * htpasswd         dave (groups: devs)\n" in right.stdout
    assert "\nLOGGED IN by htpasswd\nname        dave\ngroups      devs, staff\n" in right.stdout
    assert (wrong.returncode, "\nREFUSED by htpasswd: wrong password\n" in wrong.stdout) == (1, True)


def test_a_disabled_account_is_refused_after_the_password(site: Path, login_test: Gitgate) -> None:
    ran = login_test("bob")

    assert ran.returncode == 1
    assert "  * corp             bob (groups: none)\n" in ran.stdout
    assert "    corp             rejected: the account is disabled\n" in ran.stdout
    assert "\nREFUSED by corp: the account is disabled\n" in ran.stdout


def test_a_plugin_that_fails_is_an_outage_and_no_traceback(site: Path, login_test: Gitgate) -> None:
    ran = login_test("mallory")

    assert (ran.returncode, ran.stderr) == (69, "")
    assert "    corp             FAILED: corp: authenticate raised OSError: ldap1 went away\n" in ran.stdout
    assert "    htpasswd         not asked: the one before failed\n" in ran.stdout
    assert "\nNO ANSWER of corp: authenticate raised OSError: ldap1 went away\n" in ran.stdout
    assert "\nThe client is told: temporarily unavailable (id " in ran.stdout


def test_a_key_needs_no_password(site: Path, login_test: Gitgate) -> None:
    known, unknown = login_test("git", "--key", "key.pub", given=""), login_test("bob", "--key", "key.pub", given="")

    assert known.returncode == 0
    assert known.stdout.startswith("git with SHA256:")
    assert "  * authorized-keys  alice (groups: none)\n    corp             not asked: takes other" in known.stdout
    assert "\nLOGGED IN by authorized-keys\nname        alice\ngroups      devs, staff\n" in known.stdout
    assert unknown.returncode == 1
    assert not (site / "notes").exists()


def test_the_password_is_asked_for_at_a_terminal_without_an_echo(
    site: Path, install: Install, environ: dict[str, str]
) -> None:
    terminal, ours = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gitgate", "login-test", "alice"],
        cwd=site,
        env={**environ, **install("corp", CORP)},
        stdin=ours,
        stdout=subprocess.PIPE,
        stderr=ours,
        start_new_session=True,
    )
    os.close(ours)
    shown = b""
    while b"Password for alice: " not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"wonder land!\n")
    printed, _ = process.communicate(timeout=60)
    try:
        while more := os.read(terminal, 1000):
            shown += more
    except OSError:  # the other end is closed
        os.close(terminal)

    assert process.returncode == 0
    assert b"LOGGED IN by corp" in printed
    assert b"wonder" not in shown + printed


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([""], 2, "USER is empty"),
        (["alice", "--key", "key.pub", "--transport", "http"], 2, "with --key, the transport is ssh"),
        (["alice", "--key", "key"], 2, "is not a public key"),
        (["alice", "--address", "example.org"], 2, "'example.org' is not an IP address"),
        (["alice", "-c", "lost.yaml"], 78, "lost.yaml"),
        (["alice"], 1, "there is no password on standard input"),
    ],
)
def test_what_cannot_be_tried_is_told_before_a_plugin_is_asked(
    site: Path, login_test: Gitgate, words: list[str], code: int, message: str
) -> None:
    ran = login_test(*words, given="")

    assert (ran.returncode, ran.stdout) == (code, "")
    assert message in " ".join(ran.stderr.split())
    assert not (site / "notes").exists()
