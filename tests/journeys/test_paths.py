"""Renamed repositories, repositories that are made on push, and tenants, over every transport."""

import re
import subprocess
from collections.abc import Iterator

import pytest

PATHS = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "https://127.0.0.1:0", tls: {certificate: tls.crt, key: tls.key}}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd, groups: users.groups}
  - {use: authorized-keys, directory: keys.d, shared_user: git}
  - use: rules
RULES
  - use: tree
    roots:
      - {root: repositories}
      - {root: private, prefix: tenant, usernames: [git]}
    aliases: {open/old: open/new}
    create_on_push: {names: ["users/{user}/**", "open/**"]}
"""

RULES = """
    rules:
      - {repos: ["open/**", "tenant/**"], who: [everyone], allow: [read, write, create]}
      - {repos: ["users/{user}/**"], who: [authenticated], allow: [read, write, create]}
"""


@pytest.fixture(scope="module")
def paths(starting, tmp_path_factory) -> Iterator:
    running = starting(tmp_path_factory.mktemp("paths"), PATHS, RULES)
    running.filled("open/new.git")
    yield running
    assert running.daemon.close() == 0
    assert "Traceback" not in running.daemon.log()


@pytest.fixture
def client(paths, protocol):
    return paths.client("alice").configured(protocol_version=protocol)


def test_an_old_name_goes_on_to_the_new_one_and_says_so(paths, client, transport, unique):
    url = paths.url(transport, "open/old")
    printed = client.git("clone", url, "clone")
    # ssh does not say by which name it was reached.
    start = "" if transport == "ssh" else paths.url(transport, "", user=None).rstrip("/")
    notice = f"remote: gitgate: /open/old has moved; from now on use {start}/open/new"
    assert notice in printed

    client.commit(client.home / "clone", README=f"{unique}\n")
    printed = client.git("push", "origin", f"HEAD:refs/heads/{unique}", cwd=client.home / "clone")
    assert notice in printed
    heads = subprocess.run(
        ["git", "branch"], cwd=paths.root / "open/new.git", capture_output=True, text=True, check=True
    )
    assert unique in heads.stdout


def test_the_old_name_is_not_taken_by_a_push(paths, client, unique):
    work = client.work_tree(str(paths.root / "open/new.git"))
    client.git("push", "-q", paths.url("git", "open/old"), f"HEAD:refs/heads/{unique}", cwd=work)
    assert not (paths.root / "open/old.git").exists()


def test_a_push_makes_the_repository_that_it_may_make(paths, client, transport, unique):
    path = f"open/{unique}" if transport == "git" else f"users/alice/{unique}"
    client.git("init", "-q", "work")
    work = client.home / "work"
    head = client.commit(work, README="first\n")
    client.git("ls-remote", paths.url(transport, path), cwd=work, fails=True)  # to look makes nothing
    assert not (paths.root / f"{path}.git").exists()

    client.git("push", "-q", paths.url(transport, path), "HEAD:main", cwd=work)

    assert client.git("ls-remote", paths.url(transport, path), "refs/heads/main").split()[0] == head
    made = paths.root / f"{path}.git"
    assert (made / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert re.search(r"info resolution: made \S+ for \w+ \[", paths.daemon.log())


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
@pytest.mark.parametrize("path", ["users/bob/theirs", "elsewhere/x", "open/.hidden", "open/new.git/inside"])
def test_no_push_makes_any_other(paths, transport, path):
    client = paths.client("alice")
    client.git("init", "-q", "work")
    client.commit(client.home / "work", README="first\n")
    printed = client.git("push", paths.url(transport, path), "HEAD:main", cwd=client.home / "work", fails=True)
    assert "not found" in printed
    assert not (paths.root / f"{path}.git").exists()


@pytest.mark.parametrize("transport", ["ssh", "http", "https"], indirect=True)
def test_a_tenant_is_reached_by_the_name_in_the_url(paths, transport, unique):
    client = paths.client("alice")
    subprocess.run(["git", "init", "-q", "--bare", paths.folder / "private" / f"{unique}.git"], check=True)
    if transport == "ssh":
        url = paths.url("ssh", unique).replace("alice@", "git@")
        assert client.git("ls-remote", url) == ""
    client.git("ls-remote", paths.url(transport, unique), fails=True)
    client.git("ls-remote", paths.url(transport, f"tenant/{unique}"), fails=True)
