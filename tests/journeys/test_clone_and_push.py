"""What git does every day, the same over every transport with every version of the protocol."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def client(site, protocol):
    return site.client("alice").configured(protocol_version=protocol)


def refs(repository: Path) -> str:
    return subprocess.run(["git", "for-each-ref"], cwd=repository, capture_output=True, text=True, check=True).stdout


def assert_intact(repository: Path) -> None:
    subprocess.run(["git", "fsck", "--strict", "--no-dangling"], cwd=repository, check=True, capture_output=True)
    assert not list(repository.glob("objects/tmp_objdir-*"))


def test_what_is_pushed_can_be_cloned_and_fetched(site, client, transport, unique):
    repository = site.repository(f"open/{unique}.git")
    url = site.url(transport, f"open/{unique}.git")
    alices = client.work_tree(url)
    client.git("push", "origin", "main", cwd=alices)

    client.git("clone", url, "second")
    first = client.commit(alices, README="changed\n")
    client.git("tag", "-a", "-m", "release", "v1", cwd=alices)
    client.git("push", "--follow-tags", cwd=alices)
    client.git("pull", "--ff-only", cwd=client.home / "second")

    assert client.git("rev-parse", "HEAD", cwd=client.home / "second").strip() == first
    assert refs(repository) == client.git("for-each-ref", "refs/heads", "refs/tags", cwd=alices)
    assert_intact(repository)


def test_the_protocol_version_is_the_one_that_the_client_asked_for(site, client, transport, protocol, unique):
    site.filled(f"open/{unique}.git", commits=1)
    traced = client.git("ls-remote", site.url(transport, f"open/{unique}"), GIT_TRACE_PACKET="1")
    seen = [
        version
        for version in ("version 1", "version 2")
        if f"ls-remote< {version}" in traced or f"git< {version}" in traced
    ]
    assert seen == ([f"version {protocol}"] if protocol != "0" else [])


def test_a_shallow_clone_can_be_deepened(site, client, transport, unique):
    site.filled(f"open/{unique}.git", commits=5)
    url = site.url(transport, f"open/{unique}")
    client.git("clone", "--depth", "1", url, "shallow")
    assert client.git("rev-list", "--count", "HEAD", cwd=client.home / "shallow").strip() == "1"
    client.git("fetch", "--unshallow", cwd=client.home / "shallow")
    assert client.git("rev-list", "--count", "HEAD", cwd=client.home / "shallow").strip() == "5"


def test_a_partial_clone_fetches_what_it_left_out_when_it_is_needed(site, client, transport, unique):
    site.filled(f"open/{unique}.git", commits=4)
    url = site.url(transport, f"open/{unique}")
    printed = client.git("clone", "--filter=blob:none", "--no-checkout", url, "partial")
    partial = client.home / "partial"
    assert "filtering not recognized" not in printed
    missing = client.git("rev-list", "--objects", "--all", "--missing=print", cwd=partial)
    assert missing.count("\n?") > 0
    client.git("checkout", "main", cwd=partial)
    assert (partial / "file2").read_text() == "x" * 1000


def test_push_options_reach_the_hooks_with_the_name_of_who_pushes(site, client, transport, unique):
    # Over http, git logs in only where it is challenged, and over git:// never.
    path = f"open/{unique}.git" if transport == "git" else f"team/{unique}.git"
    repository = site.repository(path)
    hook = repository / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\n"
        'echo "options: $GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0"\n'
        'echo "user: $GITGATE_USER ${REMOTE_USER-nobody} $GITGATE_TRANSPORT [$GITGATE_GROUPS]"\n'
        "cat >/dev/null\n"
    )
    hook.chmod(0o755)
    work = client.work_tree(site.url(transport, path))
    printed = client.git("push", "-o", "ci.skip", "origin", "main", cwd=work)
    assert "options: 1 ci.skip" in printed
    who = "anonymous nobody git []" if transport == "git" else f"alice alice {transport} [devs]"
    assert f"user: {who}" in printed


def test_a_hook_that_refuses_is_heard_and_nothing_is_stored(site, client, transport, unique):
    repository = site.repository(f"open/{unique}.git")
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
    hook.chmod(0o755)
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    printed = client.git("push", "origin", "main", cwd=work, fails=True)
    assert "remote: not on a Friday" in printed
    assert "! [remote rejected] main -> main (pre-receive hook declined)" in printed
    assert refs(repository) == ""
    assert_intact(repository)


def test_an_atomic_push_is_all_or_nothing(site, client, transport, unique):
    repository = site.filled(f"open/{unique}.git")
    before = refs(repository)
    url = site.url(transport, f"open/{unique}")
    client.git("clone", url, "work")
    work = client.home / "work"
    client.git("commit", "--amend", "-m", "rewritten", cwd=work)
    client.git("branch", "other", cwd=work)
    subprocess.run(["git", "config", "receive.denyNonFastForwards", "true"], cwd=repository, check=True)
    printed = client.git("push", "--atomic", "--force", "origin", "main", "other", cwd=work, fails=True)
    assert "atomic" in printed
    assert refs(repository) == before


def test_a_mirror_takes_all_refs_and_deletes_what_is_gone(site, client, transport, unique):
    source = site.filled(f"open/{unique}-source.git")
    subprocess.run(["git", "update-ref", "refs/notes/odd", "main"], cwd=source, check=True)
    target = site.repository(f"open/{unique}.git")
    client.git("clone", "--mirror", site.url(transport, f"open/{unique}-source"), "mirror.git")
    mirror = client.home / "mirror.git"
    url = site.url(transport, f"open/{unique}")
    client.git("push", "--mirror", url, cwd=mirror)
    assert refs(target) == refs(source)
    client.git("update-ref", "-d", "refs/notes/odd", cwd=mirror)
    client.git("push", "--mirror", url, cwd=mirror)
    assert "refs/notes/odd" not in refs(target)


def test_a_repository_with_sha256_names_goes_both_ways(site, client, transport, unique):
    repository = site.repository(f"open/{unique}.git", options=("--object-format=sha256",))
    url = site.url(transport, f"open/{unique}")
    client.git("init", "-q", "--object-format=sha256", "work")
    work = client.home / "work"
    head = client.commit(work, README="sha256\n")
    client.git("push", url, "main", cwd=work)
    client.git("clone", url, "again")
    assert len(head) == 64
    assert client.git("rev-parse", "HEAD", cwd=client.home / "again").strip() == head
    assert_intact(repository)


def test_an_empty_repository_can_be_cloned(site, client, transport, unique):
    site.repository(f"open/{unique}.git")
    printed = client.git("clone", site.url(transport, f"open/{unique}.git"), "empty")
    assert "You appear to have cloned an empty repository" in printed


def test_a_repository_with_a_work_tree_is_served_too(site, client, transport, unique):
    folder = site.repository(f"open/{unique}", bare=False)
    head = client.commit(folder, README="in a work tree\n")
    client.git("clone", site.url(transport, f"open/{unique}"), "clone")
    assert client.git("rev-parse", "HEAD", cwd=client.home / "clone").strip() == head
    client.git("push", "origin", "HEAD:refs/heads/topic", cwd=client.home / "clone")
    assert "refs/heads/topic" in refs(folder)


@pytest.mark.parametrize(
    "name", ["with space", "it's", 'a"b', "größe-项目", "100%", "a+b&c;d", "$(id)", "#1", "a?b", "~x"]
)
def test_a_path_is_only_a_name_whatever_stands_in_it(site, transport, unique, name):
    from urllib.parse import quote

    client = site.client("alice")
    path = f"open/{unique[-12:]}/{name}.git"
    site.filled(path, commits=1)
    quoted = path if transport == "git" else quote(path)
    client.git("clone", site.url(transport, quoted), "clone")
    assert (client.home / "clone" / "README").read_text() == "hello\n"


def test_a_fetch_of_what_is_already_there_brings_nothing(site, client, transport, unique):
    site.filled(f"open/{unique}.git")
    client.git("clone", "-q", site.url(transport, f"open/{unique}"), "clone")
    before = client.git("count-objects", "-v", cwd=client.home / "clone")
    client.git("fetch", cwd=client.home / "clone")
    assert client.git("count-objects", "-v", cwd=client.home / "clone") == before


def test_a_thousand_branches_are_pushed_and_fetched(site, client, transport, unique):
    repository = site.repository(f"open/{unique}.git")
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    creations = "".join(f"create refs/heads/b{number} HEAD\n" for number in range(1000))
    subprocess.run(["git", "update-ref", "--stdin"], input=creations, text=True, cwd=work, check=True)
    client.git("push", "-q", "origin", "refs/heads/*:refs/heads/*", cwd=work)
    assert refs(repository).count("\n") == 1001
    client.git("clone", "-q", site.url(transport, f"open/{unique}"), "clone")
    assert client.git("branch", "-r", cwd=client.home / "clone").count("origin/b") == 1000
