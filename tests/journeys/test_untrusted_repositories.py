"""Repositories whose files somebody else wrote: what of them runs, what clients are told, what a push may bring."""

import gzip
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from quarantine import wait_until_quarantine_is_gone

CONFIGURATION = """
version: 1
listen:
  - {url: "ssh://127.0.0.1:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://127.0.0.1:0"}
  - {url: "git://127.0.0.1:0"}
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: authorized-keys, directory: keys.d}
  - use: rules
RULES
  - {use: tree, root: repositories}
git:
  trust_repositories: false
  max_push_size: 300KiB
  config: {receive.certNonceSeed: seed, hook.operators.command: "true", hook.operators.event: post-receive}
  environment: {GIT_TRACE2_EVENT: FOLDER/trace2, GIT_TRACE2_CONFIG_PARAMS: "hook.*.enabled"}
"""


RULES = """
    rules:
      - {repos: ["open/**"], who: [everyone], allow: [read, write, force, delete]}
      - {repos: ["guarded/**"], who: [everyone], allow: [read, write]}
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory, starting):
    folder = tmp_path_factory.mktemp("strict")
    running = starting(folder, CONFIGURATION.replace("FOLDER", str(folder)), RULES)
    yield running
    assert running.daemon.close() == 0
    assert "Traceback" not in running.daemon.log()


#: Every key of git-config(1) that names a command and that git may read while it serves, and each hook of a push.
COMMANDS = (
    *("core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand", "core.pager", "core.gitProxy", "core.askPass"),
    *("uploadpack.packObjectsHook", "credential.helper", "gpg.program", "gpg.ssh.program", "gpg.openpgp.program"),
    *("gc.recentObjectsHook", "filter.planted.smudge", "filter.planted.clean", "diff.planted.textconv"),
    *("diff.external", "tar.tgz.command", "tar.tar.gz.command", "tar.planted.command"),
)
HOOKS = (
    *("pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive"),
    *("push-to-checkout", "pre-auto-gc", "post-index-change", "fsmonitor-watchman"),
)


class Planted:
    """A repository full of commands that leave a trace."""

    def __init__(self, site, path: str) -> None:
        self.directory = site.filled(path)
        self._traces = site.folder / f"traces-{self.directory.name}"
        self._traces.mkdir()
        borrowed = site.repository(f"{path}-borrowed") / "objects"
        (self.directory / "objects/info/alternates").write_text(f"{borrowed}\n")
        hooks = self.directory / "planted"
        hooks.mkdir()
        for name in HOOKS:
            self._script(hooks / name, f"hook-{name}")
        settings = {key: self._script(self.directory / f"planted-{key}", key) for key in COMMANDS}
        settings |= {
            "core.hooksPath": hooks,
            "trace2.normalTarget": self._traces / "trace2",
            "tar.planted.remote": "true",
            "receive.procReceiveRefs": "refs/for",
            "receive.denyCurrentBranch": "updateInstead",
            "gc.auto": "1",
            "protocol.ext.allow": "always",
            "hook.planted.event": "pre-receive",
            "hook.planted.command": self._script(self.directory / "planted-hook", "configured-hook"),
            "hook.planted.enabled": "true",
        }
        for key, value in settings.items():
            subprocess.run(["git", "-C", self.directory, "config", key, str(value)], check=True)

    def _script(self, path: Path, name: str) -> Path:
        path.write_text(f"#!/bin/sh\ntouch '{self._traces}/{name}'\n")
        path.chmod(0o755)
        return path

    def ran(self) -> set[str]:
        return set(os.listdir(self._traces))


@pytest.mark.parametrize("transport", ["ssh", "http", "git"])
def test_a_fetch_runs_nothing_that_stands_in_a_repository(site, transport, protocol, unique):
    """Whoever may write in a repository's folder plants commands and waits for somebody to clone."""
    planted = Planted(site, f"public/{unique}")
    client = site.client().configured(protocol_version=protocol)
    client.git("clone", "-q", "--no-checkout", site.url(transport, f"public/{unique}"))
    assert planted.ran() == set()


@pytest.mark.parametrize("transport", ["ssh", "http", "git"])
def test_a_fetch_does_not_get_what_a_partial_clone_lacks(site, transport, unique):
    """CVE-2024-32004: the planted repository lacks objects, and its `remote` says by which command to get them."""
    source = site.filled(f"open/{unique}-source")
    trace = site.folder / f"trace-{unique}"
    partial = site.root / "open" / unique
    cloned = f"file://{source}"
    subprocess.run(["git", "-C", source, "config", "uploadpack.allowFilter", "true"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", "--filter=blob:none", cloned, partial], check=True)
    command = site.folder / f"get-{unique}"
    command.write_text(f"#!/bin/sh\ntouch {trace}\n")
    command.chmod(0o755)
    for key, value in {"remote.origin.url": f"ext::{command}", "protocol.ext.allow": "always"}.items():
        subprocess.run(["git", "-C", partial, "config", key, value], check=True)
    said = site.client().git("clone", "-q", site.url(transport, f"open/{unique}"), fails=True)
    assert not trace.exists()
    assert str(site.root) not in said


@pytest.mark.parametrize("transport", ["ssh", "http"])
def test_a_push_to_what_is_not_trusted_runs_nothing_that_stands_there(strict, transport, unique):
    planted = Planted(strict, f"open/{unique}")
    client = strict.client().configured(gpg_format="ssh", user_signingkey=str(strict.keys / "alice.pub"))
    url = strict.url(transport, f"open/{unique}")
    work = client.home / "work"
    client.git("clone", "-q", url, work)
    client.commit(work, README="changed\n")
    client.git("push", "-q", "--signed", "origin", "main", "main:refs/heads/more", cwd=work)
    client.git("push", "-q", "origin", ":more", cwd=work)
    client.git("push", "-q", "origin", "main:refs/for/main", cwd=work, fails=True)  # proc-receive is no hook here
    assert planted.ran() == set()


def test_hooks_that_a_configuration_defines_are_switched_off_by_name(strict, unique):
    """git 2.54 runs `hook.<name>.command`, wherever `core.hooksPath` leads. An event's own switch would not do: it does
    not count where the repository calls a hook like the event. The operator's hooks stay on, whoever names them."""
    directory = strict.filled(f"open/{unique}")
    (directory / "more").write_text('[hook "pre-receive"]\n\tcommand = true\n[hook "a.B c"]\n\tenabled = true\n')
    for key, value in {"include.path": "more", "hook.operators.event": "update"}.items():
        subprocess.run(["git", "-C", directory, "config", key, value], check=True)
    work = strict.client().work_tree(strict.url("ssh", f"open/{unique}"))
    (strict.folder / "trace2").unlink(missing_ok=True)
    strict.client().git("push", "-q", "origin", "main:refs/heads/new", cwd=work)
    events = [json.loads(line) for line in (strict.folder / "trace2").read_text().splitlines()]
    receiving = {e["sid"] for e in events if e.get("argv", ["", ""])[1] == "receive-pack" and len(e["argv"]) > 3}
    switched = [(e["param"], e["value"]) for e in events if e["event"] == "def_param" and e["sid"] in receiving]
    assert switched[-2:] == [("hook.a.B c.enabled", "false"), ("hook.pre-receive.enabled", "false")]
    assert "hook.operators.enabled" not in dict(switched)


def test_a_push_that_may_not_rewind_is_checked_where_no_hooks_run(strict, unique):
    """The check is a hook of gitgate's own, so `core.hooksPath` must not lead past it."""
    directory = strict.filled(f"guarded/{unique}")
    client, url = strict.client(), strict.url("ssh", f"guarded/{unique}")
    work = client.home / "work"
    client.git("clone", "-q", url, work)
    client.commit(work, README="forward\n")
    client.git("push", "-q", "origin", "main", cwd=work)
    client.git("reset", "-q", "--hard", "HEAD~2", cwd=work)
    assert "remote rejected" in client.git("push", "--force", "origin", "main", cwd=work, fails=True)
    assert (directory / "hooks").is_dir()


def test_within_a_hook_of_the_operator_s_no_hook_is_switched_on_again(starting, tmp_path, unique):
    """1. A repository that is not trusted configures a hook. 2. A push that may not rewind runs the operator's hooks by
    way of gitgate's own, which takes back the `core.hooksPath` that led to it. 3. A git that such a hook runs to move
    a ref would run the repository's.
    """
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-receive").write_text(
        f"#!/bin/sh\n{{ git config core.hooksPath; git config hook.planted.enabled; }} >{tmp_path}/seen\n"
    )
    (hooks / "post-receive").chmod(0o755)
    configuration = CONFIGURATION.replace("FOLDER", str(tmp_path)).replace(
        "config: {", f"config: {{core.hooksPath: {hooks}, "
    )
    running = starting(tmp_path / "site", configuration, RULES)
    directory = running.filled(f"guarded/{unique}")
    for key, value in {"command": "true", "event": "reference-transaction"}.items():
        subprocess.run(["git", "-C", directory, "config", f"hook.planted.{key}", value], check=True)
    client = running.client()
    work = client.home / "work"
    client.git("clone", "-q", running.url("http", f"guarded/{unique}"), work)
    client.commit(work, README="forward\n")
    client.git("push", "-q", "origin", "main", cwd=work)
    assert (tmp_path / "seen").read_text() == f"{hooks}\nfalse\n"
    assert running.daemon.close() == 0


def test_no_archive_is_made_of_what_is_not_trusted(strict, unique):
    planted = Planted(strict, f"open/{unique}")
    url = strict.url("ssh", f"open/{unique}")
    assert "archives are not made here" in strict.client().git("archive", f"--remote={url}", "main", fails=True)
    assert planted.ran() == set()


def test_what_is_trusted_runs_its_hooks_and_an_archive_its_filters(site, unique):
    """What the guide says of the default: no surprise, and the proof that what is planted here would run."""
    planted = Planted(site, f"open/{unique}")
    client = site.client()
    work = client.home / "work"
    client.git("clone", "-q", site.url("ssh", f"open/{unique}"), work)
    client.commit(work, **{".gitattributes": "* filter=planted\n"})
    client.git("push", "-q", "origin", "main", cwd=work)
    client.run("archive", "--format=tgz", f"--remote={site.url('ssh', f'open/{unique}')}", "main")
    ran = planted.ran()
    assert {"hook-pre-receive", "hook-post-receive", "filter.planted.smudge", "tar.tgz.command"} <= ran


@pytest.mark.parametrize("transport", ["ssh", "http", "git"])
def test_a_push_that_is_too_large_is_refused_and_leaves_nothing(strict, transport, unique):
    directory = strict.repository(f"open/{unique}")
    client = strict.client()
    url = strict.url(transport, f"open/{unique}")
    work = client.work_tree(url, large=os.urandom(400_000).hex())
    said = client.git("push", "origin", "main", cwd=work, fails=True)
    assert "pack exceeds maximum allowed size" in said
    wait_until_quarantine_is_gone(directory)
    assert [path for path in directory.rglob("objects/**/*") if path.is_file() or "incoming" in path.name] == []
    client.commit(work, large="small\n")
    client.git("reset", "-q", "--soft", "HEAD~1", cwd=work)
    client.git("commit", "-q", "--amend", "-m", "small", cwd=work)
    client.git("push", "-q", "origin", "main", cwd=work)


@pytest.mark.parametrize("transport", ["ssh", "http", "git"])
def test_objects_that_harm_those_who_check_them_out_are_refused(site, transport, unique):
    """CVE-2018-11235: a submodule called `../../x`, whose hooks a recursive clone would run."""
    site.repository(f"open/{unique}")
    client = site.client()
    modules = '[submodule "../../x"]\n\tpath = x\n\turl = https://example.org/x\n'
    work = client.work_tree(site.url(transport, f"open/{unique}"), **{".gitmodules": modules})
    assert "gitmodulesName" in client.git("push", "origin", "main", cwd=work, fails=True)


# What clients are told: never where on the server anything is.


def test_a_stale_lock_is_told_without_the_path(site, transport, unique):
    """F28: a push that was killed outright leaves `refs/heads/main.lock`. git's words are told, but for the path."""
    directory = site.filled(f"open/{unique}")
    client = site.client()
    work = client.home / "work"
    client.git("clone", "-q", site.url(transport, f"open/{unique}"), work)
    client.commit(work, README="changed\n")
    (directory / "refs/heads/main.lock").touch()
    said = client.git("push", "origin", "main", cwd=work, fails=True)
    assert "failed to update ref" in said
    assert f"open/{unique}/./refs/heads/main.lock': File exists" in said
    assert str(site.root) not in said


@pytest.mark.parametrize("transport", ["ssh", "http", "git"])
@pytest.mark.parametrize("planted", ["[include]\npath = /etc/hosts\n", "[core\n"])
def test_a_configuration_that_git_cannot_read_is_told_without_paths(site, transport, unique, planted):
    """The planted `include` would show the lines of another file, or where it is, in git's complaint."""
    directory = site.filled(f"open/{unique}")
    with (directory / "config").open("a") as config:
        config.write(planted)
    url = site.url(transport, f"open/{unique}")
    said = site.client().git("ls-remote", url, fails=True)
    assert "/etc" not in said
    assert str(site.root) not in said
    site.daemon.wait_for_log("bad config line")


@pytest.mark.parametrize("transport", ["ssh", "http", "git"])
def test_a_hook_that_fails_is_told_without_the_path(site, transport, unique):
    directory = site.repository(f"open/{unique}")
    hook = directory / "hooks" / "pre-receive"
    hook.write_text('#!/bin/sh\necho "in $(pwd)/objects"\necho "see /docs/rules"\n"$(pwd)/nothing"\nexit 1\n')
    hook.chmod(0o755)
    client = site.client()
    work = client.work_tree(site.url(transport, f"open/{unique}"))
    said = client.git("push", "origin", "main", cwd=work, fails=True)
    assert f"in open/{unique}/objects" in said
    assert "see /docs/rules" in said
    assert str(site.root) not in said


def test_an_archive_is_compressed_by_git_itself(site, unique):
    site.filled(f"open/{unique}")
    ran = subprocess.run(
        ["git", "archive", "--format=tgz", f"--remote={site.url('ssh', f'open/{unique}')}", "main"],
        env=site.client().environment,
        capture_output=True,
        check=True,
    )
    assert b"file0" in gzip.decompress(ran.stdout)


def test_objects_that_are_not_there_are_told_without_the_path(site, transport, unique):
    directory = site.filled(f"open/{unique}")
    for path in (directory / "objects").glob("??/*"):
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        path.write_bytes(b"broken")
    said = site.client().git("clone", site.url(transport, f"open/{unique}"), fails=True)
    assert str(site.root) not in said
