"""People of a real directory push and clone with real git, and an outage of it is theirs alone."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from slapd import GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD, Slapd
from waiting import wait_until

SITE = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: authorized-keys, directory: keys.d}
  - use: ldap
    name: corp
    uris: ["LDAP"]
    bind_dn: "BIND_DN"
    bind_password: "BIND_PASSWORD"
    user_base: "PEOPLE"
    group_base: "GROUPS"
    connect_timeout: 2s
    timeout: 2s
    cache: {ttl: 0s, negative_ttl: 0s}
  - use: rules
    rules:
      - {repos: ["team/**"], who: ["group:devs"], allow: [read, write]}
      - {repos: ["open/**"], who: [everyone], allow: [read, write]}
      - {repos: ["private/**"], who: [authenticated], allow: [read]}
  - {use: tree, root: repositories}
"""


class Company:
    """A gitgate with a directory. Alice is in it, in the group devs; bob is in the htpasswd file.

    That has an alice, too. So she writes her name as no file does: to a directory, the case of a name says nothing.
    """

    def __init__(self, site: Any, slapd: Slapd) -> None:
        self.site = site
        self.slapd = slapd

    def url(self, transport: str, path: str, user: str, password: str) -> str:
        scheme, _, place = self.site.daemon.urls[transport].partition("://")
        if transport == "ssh":
            return f"ssh://{user}@{place.rpartition('@')[2]}/{path}"
        return f"{scheme}://{user}:{password}@{place}/{path}"

    def client(self, password: str | None = None) -> Any:
        """A client that types `password` where ssh asks for one, or else has alice's key."""
        client = self.site.client("alice")
        if password is not None:
            askpass = client.home / "askpass"
            askpass.write_text(f"#!/bin/sh\necho {password}\n")
            askpass.chmod(0o755)
            command = client.environment["GIT_SSH_COMMAND"].replace("BatchMode=yes", "BatchMode=no")
            command = command.replace("LogLevel=ERROR", "LogLevel=INFO")  # ssh's default: it shows what a server says
            command += " -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1"
            client.environment.update(
                GIT_SSH_COMMAND=command, SSH_ASKPASS=str(askpass), SSH_ASKPASS_REQUIRE="force", DISPLAY=":0"
            )
        return client

    def ask(self, path: str, user: str, password: str) -> tuple[int, str | None]:
        """The status of a clone's first request over http, and its Retry-After."""
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        url = f"{self.site.daemon.urls['http']}/{path}/info/refs?service=git-upload-pack"
        passwords.add_password(None, url, user, password, is_authenticated=True)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        try:
            with opener.open(url, timeout=30) as answer:
                return answer.status, answer.headers["Retry-After"]
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Retry-After"]


@pytest.fixture(scope="module")
def company(starting: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    slapd = Slapd(tmp_path_factory.mktemp("slapd")).start()
    configuration = SITE
    for word, value in {
        "LDAP": slapd.ldap,
        "BIND_DN": SERVICE,
        "BIND_PASSWORD": SERVICE_PASSWORD,
        "PEOPLE": PEOPLE,
        "GROUPS": GROUPS,
    }.items():
        configuration = configuration.replace(f'"{word}"', f'"{value}"')
    site = starting(tmp_path_factory.mktemp("company"), configuration)
    public_key = (site.folder / "private" / "alice.pub").read_text().strip()
    slapd.change(f"dn: uid=Alice,{PEOPLE}\nchangetype: modify\nadd: sshPublicKey\nsshPublicKey: {public_key}\n")
    yield Company(site, slapd)
    slapd.kill()
    assert site.daemon.close() == 0
    log = site.daemon.log()
    assert "Alice-password" not in log
    assert SERVICE_PASSWORD not in log


@pytest.fixture
def directory(company: Company, unique: str) -> Iterator[Company]:
    """The same, for tests that do something to the directory. It has been asked about the people of other plugins."""
    company.site.filled(f"private/{unique}-known.git")
    assert company.ask(f"private/{unique}-known", "bob", "builder")[0] == 200
    company.site.client().git("ls-remote", company.url("ssh", f"private/{unique}-known", "alice", ""))
    yield company
    company.slapd.kill()
    company.slapd.start()


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_somebody_of_the_directory_pushes_with_a_password_and_its_groups(company, transport, unique):
    company.site.repository(f"team/{unique}.git")
    client = company.client("Alice-password")
    # Rules and records see the name as the directory writes it.
    work = client.work_tree(company.url(transport, f"team/{unique}", "aLiCe", "Alice-password"))
    client.git("push", "-q", "origin", "main", cwd=work)
    company.site.daemon.wait_for_log(f"Alice git-receive-pack /team/{unique}: completed")


def test_an_ssh_key_that_stands_in_the_directory_logs_in(company, unique):
    company.site.filled(f"team/{unique}.git")
    client = company.client()
    client.git("clone", "-q", company.url("ssh", f"team/{unique}", "ALICE", ""), "clone")


@pytest.mark.parametrize("transport", ["ssh", "http"], indirect=True)
def test_a_wrong_password_is_refused(company, transport, unique):
    company.site.filled(f"team/{unique}.git")
    client = company.client("wrong")
    client.git("clone", company.url(transport, f"team/{unique}", "ALICE", "wrong"), fails=True)
    assert "rejected (corp: wrong password)" in company.site.daemon.log()


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_while_the_directory_is_down_only_its_people_are_told_to_try_again(fault, directory, unique):
    """A 401 would make git throw the stored password away."""
    directory.site.filled(f"private/{unique}.git")
    directory.site.filled(f"open/{unique}.git")
    getattr(directory.slapd, fault)()

    status, retry_after = directory.ask(f"private/{unique}", "ALICE", "Alice-password")
    said = directory.client("Alice-password").git(
        "ls-remote", directory.url("ssh", f"private/{unique}", "ALICE", ""), fails=True
    )
    bob = directory.client()
    bob.git("ls-remote", directory.url("http", f"private/{unique}", "bob", "builder"))
    bob.git("ls-remote", directory.site.url("ssh", f"private/{unique}"))  # with alice's key, which a file lists
    bob.git("ls-remote", directory.site.url("git", f"open/{unique}"))

    assert (status, bool(retry_after)) == (503, True)
    assert "gitgate: temporarily unavailable (id " in said
    if fault == "kill":
        directory.slapd.start()
    else:
        directory.slapd.thaw()
    wait_until(
        lambda: directory.ask(f"private/{unique}", "ALICE", "Alice-password")[0] == 200,
        "the directory is back, and nobody notices",
    )


def test_two_hundred_logins_at_a_silent_directory_are_bounded_and_the_others_served(directory, unique):
    directory.site.filled(f"private/{unique}.git")
    directory.slapd.freeze()
    before = directory.site.daemon.memory_kib()
    with ThreadPoolExecutor(200) as clients:
        asked = [
            clients.submit(directory.ask, f"private/{unique}", "ALICE", f"password {number}") for number in range(200)
        ]
        threads = []
        while not all(each.done() for each in asked):
            threads.append(directory.site.daemon.threads())
            assert directory.ask(f"private/{unique}", "bob", "builder")[0] == 200
            time.sleep(0.05)
        answers = {each.result()[0] for each in asked}
    assert answers == {503}
    # Those of the plugins are at most 16 for each, of which the directory's has all, and the others few.
    assert max(threads) < 40
    # What gitgate.memory says of a connection, and half of it for what Python keeps.
    assert directory.site.daemon.memory_kib("VmHWM") - before < 200 * 512 * 1.5
    directory.slapd.thaw()


def test_check_online_tells_what_the_directory_has_and_what_is_wrong(directory):
    command = [sys.executable, "-m", "gitgate", "check", "--online", "-c", str(directory.site.folder / "gitgate.yaml")]
    good = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    directory.slapd.kill()
    bad = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (good.returncode, bad.returncode) == (0, 69)
    assert re.search(r"user_base: ou=people,.*: \d+ people whom user_filter finds", good.stdout)
    assert directory.slapd.ldap in bad.stdout + bad.stderr


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("Alice-password", 0, "Alice"),
        ("wrong", 1, "wrong password"),
    ],
)
def test_login_test_shows_each_step(company, typed, code, says):
    command = [sys.executable, "-m", "gitgate", "login-test", "ALICE", "-c", str(company.site.folder / "gitgate.yaml")]
    ran = subprocess.run(command, input=f"{typed}\n", capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert f"uid=Alice,{PEOPLE}" in ran.stdout
    assert says in ran.stdout
    assert typed not in ran.stdout.replace("wrong password", "")
