"""Cold, warm and together: what git said to one client is kept for the next, and never for who may not read."""

import json
import random
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

import pytest
from holdings import assert_whole, holdings
from twins import READS, Reads
from waiting import wait_until

from gitgate.wire.pktline import FLUSH, encode

_AUDITED = """
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
    rules:
      - {repos: ["open/**"], who: [everyone], allow: [read, write]}
      - {repos: ["secret/**"], who: [alice], allow: [read]}
  - {use: tree, root: repositories}
audit: {file: audit.jsonl}
"""
_DOORS = ("ssh", "http", "https", "git")


def records(site, request_path: str) -> list[dict]:
    lines = (site.folder / "audit.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["path"] == request_path]


def kept(site, name: str) -> list[int]:
    """How many bytes each request for `open/NAME` was given that git had said before."""
    return [record["bytes_kept"] for record in records(site, f"/open/{name}.git")]


@pytest.fixture(scope="module")
def audited(starting, tmp_path_factory):
    running = starting(tmp_path_factory.mktemp("kept"), _AUDITED)
    yield running
    assert running.daemon.close() == 0
    assert "Traceback" not in running.daemon.log()


def test_clones_together_and_one_after_the_other_have_the_same_objects_over_every_door(audited, unique):
    repository = audited.filled(f"open/{unique}.git", commits=5)
    client = audited.client()
    urls = [audited.url(door, f"open/{unique}.git") for door in (*_DOORS, *_DOORS)]
    together = [client.popen("clone", "-q", url, f"{number}") for number, url in enumerate(urls)]
    assert [each.wait(60) for each in together] == [0] * len(urls)
    client.git("clone", "-q", urls[0], "after")
    expected = holdings(repository).objects
    for clone in (*map(str, range(len(urls))), "after"):
        assert holdings(client.home / clone).objects == expected
        assert_whole(client.home / clone)
    # Each door's fetch, but for the one that git answered, and what others took from it at the same time.
    wait_until(lambda: sum(count > 500 for count in kept(audited, unique)) >= len(urls), "git has answered more")


def test_what_a_run_says_of_its_reads_is_so(audited, unique):
    """With the cache warm, or with another client at the same time, one of two clones is all from what is kept."""
    audited.filled(f"open/{unique}.git")
    audited.client().git("clone", "-q", audited.url("git", f"open/{unique}.git"), "clone")
    expected = {Reads.ALONE: [False], Reads.WARM: [False, True], Reads.TOGETHER: [False, True]}[READS]
    wait_until(lambda: len(kept(audited, unique)) >= len(expected), "a record is missing")
    assert sorted(count > 500 for count in kept(audited, unique)) == expected


def test_who_may_not_read_gets_nothing_of_what_is_kept(audited, unique):
    audited.filled(f"secret/{unique}.git")
    url = audited.url("http", f"secret/{unique}.git")
    alice, bob = audited.client(), audited.client("bob")
    for clone in ("one", "two"):
        alice.git("clone", "-q", url, clone)
    assert any(record["bytes_kept"] for record in records(audited, f"/secret/{unique}.git"))
    for door in _DOORS:
        printed = bob.git("clone", audited.url(door, f"secret/{unique}.git", user="bob"), f"{door}", fails=True)
        assert ("authentication required" if door == "git" else "not found") in printed


@pytest.mark.parametrize("door", _DOORS)
def test_a_repository_that_was_removed_a_moment_ago_is_not_found(audited, unique, door):
    """`tree` remembers for a second where it was, and the capabilities of git are known."""
    repository = audited.filled(f"open/{unique}-{door}.git")
    client, url = audited.client(), audited.url(door, f"open/{unique}-{door}.git")
    client.git("ls-remote", url)
    shutil.rmtree(repository)
    # git:// knows no logins, and so does not say whether one would help.
    expected = "authentication required" if door == "git" else "repository not found"
    assert expected in client.git("ls-remote", url, fails=True)


@pytest.mark.parametrize("door", ["ssh", "http"])
def test_what_was_pushed_or_made_beside_the_server_is_fetched_at_once(audited, unique, door):
    repository = audited.filled(f"open/{unique}.git")
    client = audited.client()
    url = audited.url(door, f"open/{unique}.git")
    for clone in ("warm", "work"):
        client.git("clone", "-q", url, clone)
    work = client.home / "work"
    for number in range(5):
        pushed = client.commit(work, README=f"{door} {number}\n")
        client.git("push", "-q", "origin", "main", cwd=work)
        client.git("fetch", "-q", cwd=client.home / "warm")
        assert client.git("rev-parse", "origin/main", cwd=client.home / "warm").strip() == pushed
        subprocess.run(["git", "-C", str(repository), "branch", f"b{number}", "main"], check=True)
        assert f"refs/heads/b{number}" in client.git("ls-remote", url)
        subprocess.run(["git", "-C", str(repository), "branch", "-q", "-D", f"b{number}"], check=True)
        assert f"refs/heads/b{number}" not in client.git("ls-remote", url)


def test_of_what_git_complains_everybody_is_told(audited, unique):
    repository = audited.filled(f"open/{unique}.git")
    tag = (repository / "refs/tags/v1").read_text().strip()
    damaged = repository / "objects" / tag[:2] / tag[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"damaged")
    client, url = audited.client(), audited.url("ssh", f"open/{unique}.git")
    time.sleep(0.05)  # nothing is kept of what has just changed
    for _ in range(2):
        assert f"error: unable to unpack {tag} header" in client.git("ls-remote", url)


def test_who_leaves_in_the_middle_does_not_end_the_clone_of_another(audited, unique):
    repository = audited.repository(f"open/{unique}.git")
    noise = audited.client()
    work = noise.work_tree(str(repository))
    noise.commit(work, **{f"noise{number}": random.Random(number).randbytes(200_000).hex() for number in range(20)})
    noise.git("push", "-q", "origin", "main", cwd=work)
    client = audited.client()
    url = audited.url("git", f"open/{unique}.git", user=None)
    leaver = client.popen("clone", "-q", url, "leaver")
    stayer = client.popen("clone", "-q", url, "stayer")
    leaver.kill()
    leaver.wait(30)
    assert stayer.wait(60) == 0
    assert_whole(client.home / "stayer")


@pytest.fixture
def one_clone(another_site):
    """A site for one clone at a time, whose turn somebody has who is still asking for something."""
    site = another_site(f"{_AUDITED}git: {{cache_size: 0B}}\nlimits: {{max_clones: 1, operation_wait: 200ms}}\n")
    repository = site.filled("open/r.git")
    head = subprocess.run(["git", "-C", str(repository), "rev-parse", "main"], capture_output=True, check=True).stdout
    place = urlsplit(site.daemon.urls["git"])
    with socket.create_connection((place.hostname, place.port), timeout=20) as asking:
        asking.sendall(encode(b"git-upload-pack /open/r.git\0host=x\0\0version=2\0"))
        while not asking.recv(65536).endswith(FLUSH):
            pass
        haves = b"".join(encode(b"have %040x\n" % number) for number in range(3000))
        asking.sendall(encode(b"command=fetch") + b"0001" + encode(b"want " + head) + haves)
        yield site


def test_a_clone_without_a_turn_is_told_so_before_a_byte_of_a_pack_and_a_small_fetch_is_served(one_clone):
    client = one_clone.client()
    printed = {}
    for door in ("http", "ssh", "git"):
        url = one_clone.url(door, "open/r.git")
        printed[door] = client.git("clone", url, door, fails=True, GIT_TRACE_CURL="1", GIT_TRACE_CURL_NO_DATA="1")
        client.git("clone", "-q", "--depth=1", url, f"{door}-shallow")
    assert "503 Service Unavailable" in printed["http"]
    assert "Retry-After: 10" in printed["http"]
    assert "gitgate: too busy, try again later (id" in printed["ssh"]
    assert "fatal: remote error: too busy, try again later (id" in printed["git"]
