"""What git does every day, the same over every transport with every version of the protocol."""

import shutil
import subprocess
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from holdings import assert_whole, holdings
from quarantine import wait_until_quarantine_is_gone


@pytest.fixture
def client(site, protocol):
    return site.client("alice").configured(protocol_version=protocol)


def refs(repository: Path) -> str:
    return subprocess.run(["git", "for-each-ref"], cwd=repository, capture_output=True, text=True, check=True).stdout


def assert_intact(repository: Path) -> None:
    subprocess.run(["git", "fsck", "--strict", "--no-dangling"], cwd=repository, check=True, capture_output=True)
    wait_until_quarantine_is_gone(repository)


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


@pytest.fixture(scope="module")
def original(site):
    """A repository with two branches, and a change that becomes main's in `held_by_clones`; most of it is no news."""
    repository = site.repository("open/original.git")
    client = site.client()
    story = "".join(f"{line * line}\n" for line in range(2000))
    work = client.work_tree(str(repository), story=story)
    client.commit(work, README="first\n", story=f"{story}the end\n")
    client.git("tag", "-a", "-m", "first", "v1", cwd=work)
    client.git("branch", "topic", cwd=work)
    client.git("push", "-q", "--follow-tags", "origin", "main", cwd=work)
    client.commit(work, README="second\n", story=f"once upon a time\n{story}")
    client.git("tag", "-a", "-m", "second", "v2", cwd=work)
    client.git("push", "-q", "origin", "main:refs/next/heads/main", "v2:refs/next/tags/v2", cwd=work)
    client.git("checkout", "-q", "topic", cwd=work)
    client.commit(work, aside=story[::-1])
    client.git("push", "-q", "origin", "topic", cwd=work)
    return repository


#: Kinds of clones, each with what follows after main has moved.
_CLONES = {
    "full": (("--quiet",), ("fetch",)),
    "shallow": (("--depth=1", "--no-single-branch"), ("fetch", "--unshallow")),
    "partial": (("--filter=blob:none", "--no-checkout"), ("checkout", "origin/topic")),
    "narrow": (("--single-branch", "--branch=topic"), ("fetch", "origin", "main")),
}


def held_by_clones(client, repository, url):
    """What clones of all kinds hold, at first and after main has moved."""
    held = {}
    for kind, (options, _) in _CLONES.items():
        client.git("clone", *options, url, kind)
        held[kind] = [holdings(client.home / kind)]
    for ref in ("heads/main", "tags/v2"):
        subprocess.run(["git", "update-ref", f"refs/{ref}", f"refs/next/{ref}"], cwd=repository, check=True)
    for kind, (_, following) in _CLONES.items():
        client.git(*following, cwd=client.home / kind)
        held[kind].append(holdings(client.home / kind))
        assert_whole(client.home / kind)
    return held


@pytest.fixture(scope="module")
def held_by_clones_of_git(site, original, tmp_path_factory):
    """The same where no gitgate is between client and git, by the version of the protocol."""

    @cache
    def by_version(version):
        repository = shutil.copytree(original, tmp_path_factory.mktemp("git") / "r.git")
        told = str(files("gitgate.git") / "defaults.gitconfig")
        subprocess.run(["git", "config", "include.path", told], cwd=repository, check=True)
        held = held_by_clones(site.client().configured(protocol_version=version), repository, f"file://{repository}")
        assert held["shallow"][0].shallow
        assert not any(" blob " in each for each in held["partial"][0].objects)
        return held

    return by_version


@pytest.mark.parametrize("protocol", ["0", "2"], ids=["v0", "v2"], indirect=True)  # 1 is 0 with another greeting
def test_clones_of_every_kind_hold_what_git_itself_gives(
    site, client, transport, protocol, unique, original, held_by_clones_of_git
):
    repository = shutil.copytree(original, site.root / f"open/{unique}.git")
    assert held_by_clones(client, repository, site.url(transport, f"open/{unique}")) == held_by_clones_of_git(protocol)


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
