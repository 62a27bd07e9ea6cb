"""Rights down to the ref, the same over every transport: who may create, move, rewind and delete what."""

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from waiting import wait_until

RULES = """
    rules:
      - repos: ["open/**"]
        refs: [refs/heads/main]
        who: [everyone]
        deny: [force, delete]
        name: main-stays
        message: main only moves forward
      - {repos: ["open/**"], refs: [refs/heads/frozen], who: [everyone], deny: [write, force], message: frozen}
      - {repos: ["open/**"], refs: ["refs/tags/**"], who: [everyone], deny: [force, delete], message: tags stay}
      - {repos: ["open/**"], who: [everyone], allow: [read, write, force, delete]}
      - {repos: ["mixed/**"], who: ["group:devs"], allow: [force]}
      - {repos: ["mixed/**"], who: [everyone], allow: [read, write]}
      - {repos: ["latin/**"], who: [everyone], deny: [force], message: latin names stay}
      - {repos: ["latin/**"], who: [everyone], allow: [read, write]}
"""


@pytest.fixture(scope="module")
def guarded(starting, tmp_path_factory) -> Iterator:
    """A site with rules for refs."""
    running = starting(tmp_path_factory.mktemp("guarded"), rules=RULES)
    yield running
    assert running.daemon.close() == 0
    assert "Traceback" not in running.daemon.log()


class Work:
    """A clone of a repository with `main`, `topic` and the tag `v1`, each two commits long."""

    def __init__(self, site, transport: str, name: str, client) -> None:
        self.repository = site.repository(f"open/{name}.git")
        self.client = client
        self.url = site.url(transport, f"open/{name}")
        self.folder = client.work_tree(str(self.repository))
        client.commit(self.folder, README="second\n")
        client.git("branch", "topic", cwd=self.folder)
        client.git("tag", "v1", cwd=self.folder)
        client.git("push", "-q", "origin", "main", "topic", "v1", cwd=self.folder)
        client.git("remote", "set-url", "origin", self.url, cwd=self.folder)

    def refs(self) -> str:
        command = ["git", "for-each-ref", "--format=%(objectname) %(refname)"]
        return subprocess.run(command, cwd=self.repository, capture_output=True, text=True, check=True).stdout

    def git(self, *arguments: str, **options) -> str:
        return self.client.git(*arguments, cwd=self.folder, **options)


@pytest.fixture
def work(guarded, transport, unique) -> Callable[..., Work]:
    def make(**settings: str) -> Work:
        return Work(guarded, transport, unique, guarded.client("alice").configured(**settings))

    return make


#: What takes long runs over http for https too.
_DOORS = pytest.mark.parametrize("transport", ["ssh", "http", "git"], indirect=True)


ALLOWED = {
    "a branch is created": ("HEAD:refs/heads/new",),
    "main moves forward": ("forward:refs/heads/main",),
    "another branch is rewound": ("+rewound:refs/heads/topic",),
    "another branch is deleted": (":refs/heads/topic",),
    "a tag is made": ("HEAD:refs/tags/v2",),
    "one is rewound while main moves forward": ("+rewound:refs/heads/topic", "forward:refs/heads/main"),
}

REFUSED = {
    "main is rewound": (("+rewound:refs/heads/main",), {"rewound -> main": "main only moves forward"}),
    "main is deleted": ((":refs/heads/main",), {"main": "main only moves forward"}),
    "main goes back to what the server knows": (
        ("+HEAD~1:refs/heads/main",),
        {"HEAD~1 -> main": "main only moves forward"},
    ),
    "a frozen branch is made": (("HEAD:refs/heads/frozen",), {"HEAD -> frozen": "frozen"}),
    "a tag moves, though forward": (("+forward:refs/tags/v1",), {"forward -> v1": "tags stay"}),
    "a tag is deleted": ((":refs/tags/v1",), {"v1": "tags stay"}),
    "main is rewound beside another branch": (
        ("+rewound:refs/heads/main", "HEAD:refs/heads/new"),
        {"rewound -> main": "main only moves forward", "HEAD -> new": "refused together with another ref of this push"},
    ),
    "a frozen branch is made beside another": (
        ("HEAD:refs/heads/frozen", "+rewound:refs/heads/topic"),
        {"HEAD -> frozen": "frozen", "rewound -> topic": "refused together with another ref of this push"},
    ),
}


def prepared(work: Work) -> Work:
    work.git("checkout", "-q", "-b", "forward")
    work.client.commit(work.folder, forward="forward\n")
    work.git("checkout", "-q", "-b", "rewound", "main~1")
    work.client.commit(work.folder, rewound="rewound\n")
    work.git("checkout", "-q", "main")
    return work


@pytest.mark.parametrize("refspecs", ALLOWED.values(), ids=ALLOWED)
def test_what_a_push_may_do_it_does(work, refspecs):
    pushing = prepared(work())
    before = pushing.refs()
    pushing.git("push", "origin", *refspecs)
    assert pushing.refs() != before


@pytest.mark.parametrize(("refspecs", "lines"), REFUSED.values(), ids=REFUSED)
def test_one_refused_ref_refuses_the_push_and_each_is_told_why(work, guarded, refspecs, lines):
    pushing = prepared(work())
    before = pushing.refs()
    printed = pushing.git("push", "origin", *refspecs, fails=True)
    rejected = dict(re.findall(r"! \[remote rejected\] +(.+?) +\((.*?)(?: \(id \w+\))?\)$", printed, re.MULTILINE))
    assert rejected == lines
    assert pushing.refs() == before
    assert not list(pushing.repository.glob("objects/tmp_objdir-*"))
    (identifier,) = set(re.findall(r"\(id (\w+)\)", printed))
    # The id that the user is told leads to the record, which is written once the client has gone.
    lines_of = partial(re.findall, rf"^.*audit.*\[{identifier}\]$", flags=re.MULTILINE)
    written = wait_until(lambda: lines_of(guarded.daemon.log()), "there is no record")
    assert ": denied (rules: " in written[0]


SETTINGS = {
    "without a side-band": ({"sendpack_sideband": "false"}, ()),
    "atomic": ({}, ("--atomic",)),
    "with push options": ({}, ("-o", "ci.skip")),
    "protocol 0": ({"protocol_version": "0"}, ()),
    "protocol 1": ({"protocol_version": "1"}, ()),
    "signed": ({"gpg_format": "ssh"}, ("--signed",)),
    "thin": ({}, ("--thin",)),
}


@pytest.mark.parametrize(("settings", "options"), SETTINGS.values(), ids=SETTINGS)
def test_however_it_is_pushed_main_is_not_rewound_and_topic_is(work, guarded, settings, options):
    if "gpg_format" in settings:
        settings = {**settings, "user_signingKey": str(guarded.keys / "alice")}
    pushing = prepared(work(**settings))
    printed = pushing.git("push", *options, "origin", "+rewound:main", fails=True)
    assert re.search(r"! \[remote rejected\] rewound -> main \(main only moves forward \(id \w+\)\)", printed)
    printed = pushing.git("push", *options, "origin", "HEAD:refs/heads/frozen", fails=True)
    assert re.search(r"! \[remote rejected\] HEAD -> frozen \(frozen \(id \w+\)\)", printed)
    pushing.git("push", *options, "origin", "+rewound:topic", "forward:main")
    assert pushing.git("rev-parse", "rewound").strip() in pushing.refs()


@pytest.mark.parametrize("name", ["x.", ".", "..", "a..b"])
def test_a_ref_that_looks_like_the_end_of_a_list_of_rewinds_ends_none(guarded, unique, name):
    """Attack: push a rewind of `x.`, which git refuses only after its hooks, and of main behind it in the list."""
    pushing = prepared(Work(guarded, "git", unique, guarded.client("alice")))
    before = pushing.refs()
    old, new = (pushing.git("rev-parse", commit).strip() for commit in ("main", "main~1"))
    commands = [f"{old} {new} refs/heads/{name}\0report-status", f"{old} {new} refs/heads/main"]
    sent = "".join(f"{len(line) + 4:04x}{line}" for line in commands).encode() + b"0000"
    pack = b"PACK\0\0\0\2\0\0\0\0" + bytes.fromhex("029d08823bd8a8eab510ad6ac75c823cfd3ed31e")
    place = urlsplit(guarded.daemon.urls["git"])
    request = f"git-receive-pack /open/{unique}\0host=h\0".encode()
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(b"%04x%b" % (len(request) + 4, request) + sent + pack)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"ng refs/heads/main main only moves forward" in answer
    assert pushing.refs() == before


@pytest.mark.parametrize("transport", ["git"], indirect=True)
def test_a_replacement_does_not_pass_a_rewind_off_as_a_step_forward(work):
    """Attack: push `rewound` with a refs/replace/ that gives it main as a parent, and then push it to main.

    git reads the replacement wherever it looks for the parents of a commit, and clients that clone main do not.
    """
    pushing = prepared(work())
    pushing.git("replace", "--graft", "rewound", "main")
    pushing.git("push", "-q", "origin", "rewound:refs/heads/topic2", "refs/replace/*:refs/replace/*")
    printed = pushing.git("push", "origin", "+rewound:main", fails=True)
    assert "main only moves forward" in printed


def test_a_push_from_a_shallow_clone_is_judged_too(guarded, transport, work, unique):
    made = work()
    client = guarded.client("alice")
    client.git("clone", "-q", "--depth", "1", made.url, "shallow")
    shallow = client.home / "shallow"
    client.commit(shallow, README="shallow\n")
    client.git("push", "origin", "HEAD:frozen", cwd=shallow, fails=True)
    client.git("push", "origin", "HEAD:main", cwd=shallow)
    client.git("commit", "--amend", "-q", "-m", "rewritten", cwd=shallow)
    printed = client.git("push", "--force", "origin", "HEAD:main", cwd=shallow, fails=True)
    assert "main only moves forward" in printed


@pytest.mark.parametrize("transport", ["ssh", "http"], indirect=True)
def test_main_is_not_rewound_or_deleted_by_another_name(work):
    """1. Somebody has made `master` a symbolic ref to `main`, for old clients. 2. To rewind `main` is denied. 3. A push
    to `master` moves `main`, and would get by a rule for `main`.
    """
    pushing = prepared(work())
    subprocess.run(["git", "symbolic-ref", "refs/heads/master", "refs/heads/main"], cwd=pushing.repository, check=True)
    pushing.git("push", "-q", "origin", "forward:refs/heads/master")
    before = pushing.refs()
    assert len(re.findall(r"main$|master$", before, re.MULTILINE)) == 2
    for refspec in ("+rewound:refs/heads/master", ":refs/heads/master"):
        printed = pushing.git("push", "origin", refspec, fails=True)
        assert re.search(r"! \[remote rejected\] .*master \(main only moves forward", printed), printed
    assert pushing.refs() == before


#: git's own http client takes long for many.
@pytest.mark.parametrize(("transport", "many"), [("ssh", 1000), ("git", 1000), ("http", 200)], indirect=["transport"])
def test_a_thousand_refs_in_one_push_are_judged_each(work, many):
    pushing = prepared(work())
    creations = "".join(f"create refs/heads/b{number} HEAD\n" for number in range(many))
    subprocess.run(["git", "update-ref", "--stdin"], input=creations, text=True, cwd=pushing.folder, check=True)
    before = pushing.refs()
    printed = pushing.git("push", "-q", "origin", "refs/heads/b*:refs/heads/b*", "HEAD:refs/heads/frozen", fails=True)
    assert printed.count("refused together with another ref") == many
    assert pushing.refs() == before
    pushing.git("push", "-q", "origin", "refs/heads/b*:refs/heads/b*")
    assert pushing.refs().count("refs/heads/b") == many
    # All of them moved at once, and none may be rewound: main is among them.
    moved = "".join(f"update refs/heads/b{number} forward\n" for number in range(many))
    subprocess.run(["git", "update-ref", "--stdin"], input=moved, text=True, cwd=pushing.folder, check=True)
    pushing.git("push", "-q", "origin", "refs/heads/b*:refs/heads/b*", "forward:main")
    assert pushing.refs().count(pushing.git("rev-parse", "forward").strip()) == many + 1


@pytest.mark.parametrize("transport", ["ssh", "git"], indirect=True)
def test_of_ten_thousand_refs_in_one_push_each_is_refused_by_its_name(work):
    """They are read, judged and reported part by part."""
    pushing = prepared(work())
    creations = "".join(f"create refs/heads/b{number} HEAD\n" for number in range(10_000))
    subprocess.run(["git", "update-ref", "--stdin"], input=creations, text=True, cwd=pushing.folder, check=True)
    before = pushing.refs()
    printed = pushing.git("push", "-q", "origin", "refs/heads/b*:refs/heads/b*", "HEAD:refs/heads/frozen", fails=True)
    assert printed.count("refused together with another ref") == 10_000
    assert printed.count("(frozen (id ") == 1
    assert pushing.refs() == before


def test_the_hooks_of_the_repository_run_beside_the_check(work):
    pushing = prepared(work())
    log = pushing.repository / "hooks.log"
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        hook = pushing.repository / "hooks" / name
        hook.write_text(
            f'#!/bin/sh\n[ $# -gt 0 ] || cat >/dev/null\necho "{name} $(git config core.hooksPath)" >> {log}\n'
        )
        hook.chmod(0o755)
    pushing.git("push", "origin", "forward:main")
    ran = {line.strip() for line in log.read_text().splitlines()}
    assert ran == {"pre-receive", "update", "post-receive", "post-update", "reference-transaction"}


def test_hooks_that_the_repository_keeps_elsewhere_run_beside_the_check(work, tmp_path):
    pushing = prepared(work())
    (tmp_path / "pre-receive").write_text('#!/bin/sh\necho "elsewhere: $(cat)"\n')
    (tmp_path / "pre-receive").chmod(0o755)
    subprocess.run(["git", "config", "core.hooksPath", tmp_path], cwd=pushing.repository, check=True)
    printed = pushing.git("push", "origin", "forward:main")
    assert re.search(r"remote: elsewhere: \w+ \w+ refs/heads/main", printed)


def test_hooks_at_a_relative_place_run_beside_the_check(work):
    """Attack: be the one who may not force. git reads core.hooksPath from within the repository."""
    pushing = prepared(work())
    (pushing.repository / "ours").mkdir()
    (pushing.repository / "ours" / "pre-receive").write_text("#!/bin/sh\necho no; exit 1\n")
    (pushing.repository / "ours" / "pre-receive").chmod(0o755)
    subprocess.run(["git", "config", "core.hooksPath", "ours"], cwd=pushing.repository, check=True)
    printed = pushing.git("push", "origin", "forward:main", fails=True)
    assert "pre-receive hook declined" in printed


@pytest.mark.parametrize("transport", ["ssh"], indirect=True)
def test_a_ref_of_no_commit_may_be_moved_beside_main_without_a_word(work):
    """Such as git-annex or CI keep them: there is no forward for a blob, so it takes the right to force."""
    pushing = prepared(work())
    subprocess.run(["git", "tag", "blob", "HEAD:README"], cwd=pushing.folder, check=True)
    subprocess.run(["git", "tag", "another", "forward:forward"], cwd=pushing.folder, check=True)
    pushing.git("push", "origin", "blob^{blob}:refs/ci/state")
    printed = pushing.git("push", "origin", "+another^{blob}:refs/ci/state", "forward:main")
    assert "remote:" not in printed
    assert pushing.git("rev-parse", "another").strip() in pushing.refs()


@pytest.mark.parametrize("transport", ["http", "https"], indirect=True)
def test_who_may_rewind_is_asked_to_log_in_though_git_has_begun_to_tell_its_progress(guarded, transport, unique):
    """git tells of the deltas while it takes a push, and only then do its hooks see that something is rewound."""
    repository = guarded.repository(f"mixed/{unique}.git")
    subprocess.run(["git", "config", "receive.unpackLimit", "1"], cwd=repository, check=True)
    client = guarded.client("alice")
    text = "".join(f"line {number}\n" for number in range(5000))
    folder = client.work_tree(str(repository), text=text)
    client.commit(folder, text=text + "more\n")
    client.git("push", "-q", "origin", "HEAD:main", cwd=folder)
    client.git("reset", "-q", "--hard", "HEAD~1", cwd=folder)
    for number in range(3):
        client.commit(folder, text=text.replace("line 7\n", f"changed {number}\n"))
    url = guarded.url(transport, f"mixed/{unique}")
    printed = client.git("push", "--progress", "--force", url, "HEAD:main", cwd=folder)
    assert "remote: Resolving deltas" in printed
    assert "(forced update)" in printed


@pytest.mark.parametrize("transport", ["ssh", "git"], indirect=True)
def test_a_branch_with_a_name_that_is_not_utf8_is_not_rewound(guarded, transport, unique):
    name = b"refs/heads/caf\xe9"
    repository = guarded.repository(f"latin/{unique}.git")
    client = guarded.client("alice")
    folder = client.work_tree(str(repository))
    options = {"cwd": folder, "env": client.environment, "capture_output": True}
    subprocess.run(["git", "push", "-q", repository, b"HEAD:" + name], check=True, **options)
    client.git("commit", "--amend", "-q", "-m", "rewritten", cwd=folder)
    url = guarded.url(transport, f"latin/{unique}")
    ran = subprocess.run(["git", "push", url, b"+HEAD:" + name], check=False, **options)
    assert ran.returncode != 0
    assert b"latin names stay" in ran.stderr


@_DOORS
def test_a_refused_push_costs_neither_disk_nor_memory(guarded, work):
    pushing = prepared(work())
    (pushing.folder / "big").write_bytes(os.urandom(32 * 2**20))
    pushing.git("add", "big")
    pushing.git("commit", "-q", "-m", "big")
    before, disk = guarded.daemon.memory_kib(), size_of(pushing.repository)
    printed = pushing.git("push", "-q", "origin", "HEAD:frozen", fails=True)
    assert "frozen" in printed
    assert guarded.daemon.memory_kib() - before < 16 * 1024
    assert size_of(pushing.repository) == disk


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
