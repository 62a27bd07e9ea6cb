"""Many commands over one ssh connection, and clients that go away in the middle."""

import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from waiting import wait_until


def fill(site, client, path: str, megabytes: int) -> Path:
    """A repository whose objects cannot be compressed."""
    repository = site.repository(path)
    work = client.work_tree(str(repository))
    (work / "random").write_bytes(os.urandom(megabytes * 2**20))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    return work


@pytest.fixture
def shared(site, tmp_path_factory):
    """A client whose commands go over one connection (ControlMaster)."""
    client = site.client("alice")
    path = tmp_path_factory.mktemp("s") / "m"
    command = f"{client.environment['GIT_SSH_COMMAND']} -o ControlPath={path}"
    host, _, port = site.daemon.urls["ssh"].rpartition("/")[2].rpartition("@")[2].rpartition(":")
    arguments = [*shlex.split(command), "-M", "-N", "-p", port, f"alice@{host}"]
    master = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_until(path.exists, "ssh has not connected")
    yield type(client)(client.home, {**client.environment, "GIT_SSH_COMMAND": command})
    master.terminate()
    master.wait()
    master.stderr.close()


def logins(site) -> int:
    return site.daemon.log().count("logged in as alice by publickey")


def test_one_connection_carries_clones_beside_each_other(site, shared, unique):
    fill(site, site.client(), f"open/{unique}.git", 5)
    before = logins(site)
    url = site.url("ssh", f"open/{unique}.git")

    cloning = [shared.popen("clone", "-q", url, shared.home / f"copy{number}") for number in range(4)]

    assert [clone.wait(60) for clone in cloning] == [0, 0, 0, 0]
    for number in range(4):
        shared.git("fsck", "--full", "--no-progress", cwd=shared.home / f"copy{number}")
    assert logins(site) == before


def test_a_command_that_fails_leaves_the_others(site, shared, unique):
    fill(site, site.client(), f"open/{unique}.git", 5)
    cloning = shared.popen("clone", "-q", site.url("ssh", f"open/{unique}.git"), shared.home / "copy")

    printed = shared.git("clone", site.url("ssh", "open/not-there.git"), fails=True)

    assert "gitgate: repository not found" in printed
    assert cloning.wait(60) == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_client_that_is_killed_in_the_middle_of_a_clone_leaves_no_process(site, long_line, unique, how):
    client = site.client()
    fill(site, client, f"open/{unique}.git", 5)
    ssh = client.environment["GIT_SSH_COMMAND"].replace("StrictHostKeyChecking=yes", "StrictHostKeyChecking=no")
    over_a_long_line = type(client)(client.home, {**client.environment, "GIT_SSH_COMMAND": ssh})
    url = f"ssh://alice@127.0.0.1:{long_line('ssh')}/open/{unique}.git"
    cloning = over_a_long_line.popen("clone", "-q", url, client.home / "copy")
    wait_until(lambda: site.daemon.children(unique), "git has not started")

    os.killpg(cloning.pid, how)
    cloning.wait()

    wait_until(lambda: not site.daemon.children(unique), "git still runs")


def _refuse_pushes(repository: Path) -> None:
    """One that was quicker than the signal leaves no ref either."""
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_client_that_is_killed_in_the_middle_of_a_push_leaves_no_process_and_no_quarantine(site, unique, how):
    client = site.client()
    work = fill(site, client, f"open/{unique}-source.git", 20)
    target = site.repository(f"open/{unique}.git")
    _refuse_pushes(target)
    pushing = client.popen("push", "-q", site.url("ssh", f"open/{unique}.git"), "HEAD:main", cwd=work)
    wait_until(lambda: any(target.glob("objects/*incoming*/*")), "no object has arrived")

    os.killpg(pushing.pid, how)
    pushing.wait()

    wait_until(lambda: not site.daemon.children(f"{unique}.git"), "git still runs")
    assert sorted(path.name for path in (target / "objects").iterdir()) == ["info", "pack"]
    assert not any((target / "refs" / "heads").iterdir())
