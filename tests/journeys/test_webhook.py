"""docs/examples/policy_service.py, run as its page says, decides over every transport."""

import base64
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from freezing import freeze
from waiting import wait_until

SERVICE = Path(__file__).parents[2] / "docs/examples/policy_service.py"
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes, more or less!!").decode()

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
  - use: webhook
    name: tokens
    hooks: [authenticate]
    credentials: [bearer]
    url: URL
    signing_secrets: ["SECRET"]
    timeout: 2s
    max_exchanges: 8
    max_waiting: 32
    breaker: {failures: 3, pause: 300ms}
  - use: rules
    rules:
      - {repos: ["open/**"], who: [everyone], allow: [read]}
  - use: webhook
    name: policy
    hooks: [authorize, audited]
    url: URL
    signing_secrets: ["SECRET"]
    timeout: 2s
    breaker: {failures: 3, pause: 300ms}
  - {use: tree, root: repositories}
"""


class Policy:
    """The example, on one port for all its lives."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.url = ""
        self.start()

    def start(self) -> None:
        port = re.search(r":(\d+)/", self.url)
        self.process = subprocess.Popen(
            [sys.executable, SERVICE, "--port", port[1] if port else "0"],
            env={**os.environ, "GITGATE_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=self._log.open("ab"),
            text=True,
        )
        assert self.process.stdout is not None
        self.url, _, how = self.process.stdout.readline().strip().partition(" ")
        assert how == "signatures are verified"

    def questions(self) -> int:
        """How many it was asked until now, records included."""
        return self._log.read_text().count('"POST / HTTP/1.1" 200')

    def freeze(self) -> None:
        """The system still accepts connections for it, and nobody answers."""
        freeze(self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Policy]:
    running = Policy(tmp_path_factory.mktemp("policy") / "log")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def governed(starting: Any, tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[Any]:
    site = starting(tmp_path_factory.mktemp("governed"), SITE.replace("URL", policy.url).replace("SECRET", SECRET))
    yield site
    assert site.daemon.close() == 0
    assert SECRET not in site.daemon.log()


def status(site: Any, path: str, authorization: str = "Basic " + base64.b64encode(b"alice:wonderland").decode()) -> Any:
    """Of a request for the refs, by alice if nobody else is named; and its Retry-After."""
    url = f"{site.daemon.urls['http']}/{path}/info/refs?service=git-upload-pack"
    asking = urllib.request.Request(url, headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(asking, timeout=30) as answer:
            return answer.status, answer.headers["Retry-After"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"]


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_the_service_decides_on_each_ref_and_its_words_reach_the_user(governed, transport, unique):
    governed.filled(f"team/{unique}.git")
    client = governed.client("alice")
    client.git("clone", "-q", governed.url(transport, f"team/{unique}"), "clone")
    clone = client.home / "clone"
    client.commit(clone, README="mine\n")
    client.git("push", "-q", "origin", "HEAD:main", "HEAD:topic", cwd=clone)
    client.git("commit", "--amend", "-q", "-m", "rewritten", cwd=clone)
    client.git("push", "-q", "--force", "origin", "HEAD:topic", cwd=clone)
    printed = client.git("push", "--force", "origin", "HEAD:main", cwd=clone, fails=True)
    assert re.search(r"! \[remote rejected\] HEAD -> main \(main only moves forward\. \(id \w+\)\)", printed)
    governed.daemon.wait_for_log("denied (policy: main stays)")


@pytest.mark.parametrize("transport", ["http", "git"], indirect=True)
def test_what_the_service_allows_to_everybody_is_cloned_without_a_login(governed, transport, unique):
    governed.filled(f"public/{unique}.git")
    client = governed.client("alice")
    client.git("clone", "-q", governed.url(transport, f"public/{unique}", user=None), "clone")


@pytest.mark.parametrize("transport", ["ssh", "http"], indirect=True)
def test_a_thousand_refs_are_one_question(governed, policy, transport, unique):
    governed.filled(f"team/{unique}.git")
    client = governed.client("alice")
    client.git("clone", "-q", governed.url(transport, f"team/{unique}"), "clone")
    clone = client.home / "clone"
    creations = "".join(f"create refs/heads/b{number} HEAD\n" for number in range(1000))
    subprocess.run(["git", "update-ref", "--stdin"], input=creations, text=True, cwd=clone, check=True)
    before = policy.questions()
    client.git("push", "-q", "origin", "refs/heads/b*:refs/heads/b*", cwd=clone)
    # One for each request before its refs are known, one for all refs, and as many records.
    assert 1 <= policy.questions() - before <= 20
    governed.daemon.wait_for_log(f"alice git-receive-pack /team/{unique}: completed (policy: a developer in team/)")


@pytest.fixture
def away(policy: Policy) -> Iterator[Policy]:
    """The service, for tests that do something to it."""
    yield policy
    policy.kill()
    policy.start()


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_while_the_service_is_away_others_are_served_and_nobody_is_let_in(fault, governed, away, unique):
    governed.filled(f"team/{unique}.git")
    governed.filled(f"open/{unique}.git")
    getattr(away, fault)()

    code, retry_after = status(governed, f"team/{unique}")
    client = governed.client("alice")
    said = client.git("ls-remote", governed.url("ssh", f"team/{unique}"), fails=True)
    client.git("ls-remote", governed.url("ssh", f"open/{unique}"))  # with a key; and `rules` stands above
    client.git("ls-remote", governed.url("git", f"open/{unique}"))

    assert (code, bool(retry_after)) == (503, True)
    assert "gitgate: temporarily unavailable (id " in said
    away.kill()
    away.start()
    wait_until(lambda: status(governed, f"team/{unique}")[0] == 200, "the service is back, and nobody notices")


def test_two_hundred_logins_at_a_silent_service_are_bounded_and_the_others_served(governed, away, unique):
    governed.filled(f"open/{unique}.git")
    away.freeze()
    before = governed.daemon.memory_kib()
    with ThreadPoolExecutor(200) as clients:
        asked = [clients.submit(status, governed, f"open/{unique}", f"Bearer token{number}") for number in range(200)]
        threads = []
        while not all(each.done() for each in asked):
            threads.append(governed.daemon.threads())
            assert status(governed, f"open/{unique}")[0] == 200
            time.sleep(0.05)
        answers = {each.result()[0] for each in asked}
    assert answers == {503}
    assert max(threads) < 40
    assert governed.daemon.memory_kib("VmHWM") - before < 200 * 512 * 1.5


def test_webhook_test_shows_what_was_asked_and_how_the_answer_was_understood(governed, unique):
    governed.filled(f"team/{unique}.git")
    command = [sys.executable, "-m", "gitgate", "webhook", "test", "-c", str(governed.folder / "gitgate.yaml")]
    options = ["--user", "alice", "--group", "devs", "--repository", f"team/{unique}"]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
    assert "a developer in team/" in ran.stdout, ran.stdout + ran.stderr
    assert '"hook": "authorize"' in ran.stdout
    assert ran.returncode == 0
