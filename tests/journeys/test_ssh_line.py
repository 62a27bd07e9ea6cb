"""ssh over a long line that loses packets, with many key exchanges: what git says arrives whole, with its exit code.

conch's own session channel lost a quarter of a 20 MB clone here, and reported exit code 0.
"""

import hashlib
import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def big(site) -> str:
    """The path of a repository with 5 MiB that cannot be compressed: more than two windows of OpenSSH, or of ours."""
    site.repository("open/line.git")
    client = site.client("alice")
    work = client.work_tree(str(site.root / "open/line.git"))
    for number in range(5):
        (work / f"random{number}").write_bytes(os.urandom(2**20))
    client.commit(work)
    client.git("push", "-q", "origin", "HEAD:main", cwd=work)
    return "open/line.git"


@pytest.fixture
def place(long_line) -> str:
    """Where the ssh door is, at the other end of a long line: `host:port`."""
    return f"127.0.0.1:{long_line('ssh')}"


@pytest.fixture
def client_with(site):
    """A client whose ssh has some more options."""

    def client(*options: str):
        client = site.client("alice")
        # The relay has a port of its own; behind it is the same host key.
        command = client.environment["GIT_SSH_COMMAND"].replace("StrictHostKeyChecking=yes", "StrictHostKeyChecking=no")
        return type(client)(client.home, {**client.environment, "GIT_SSH_COMMAND": " ".join((command, *options))})

    return client


@pytest.mark.parametrize(
    ("protocol", "options"),
    [("0", ["-o RekeyLimit=1M"]), ("2", ["-o RekeyLimit=1M"]), ("2", [])],
    ids=["v0-many-keys", "v2-many-keys", "v2-one-key"],
)
def test_five_megabytes_are_cloned_and_pushed_whole(site, place, big, client_with, protocol, options, unique):
    client = client_with(*options).configured(protocol_version=protocol)
    copy = client.home / "copy"
    target = site.repository(f"open/{unique}.git")

    client.git("clone", "-q", f"ssh://alice@{place}/{big}", copy)
    client.git("push", "-q", f"ssh://alice@{place}/open/{unique}.git", "HEAD:main", cwd=copy)

    tip = client.git("rev-parse", "main", cwd=site.root / big)
    for repository in (copy, target):
        assert client.git("rev-parse", "HEAD", cwd=repository) == tip
        client.git("fsck", "--full", "--no-progress", cwd=repository)


@pytest.mark.parametrize("options", [[], ["-o RekeyLimit=1M"]], ids=["one-key", "many-keys"])
def test_an_archive_arrives_byte_for_byte_with_its_exit_code(site, place, big, client_with, options):
    """An archive has no checksum: nobody would see that its end is missing."""
    client = client_with(*options)
    archive = client.home / "archive.tar"

    client.git("archive", "-o", archive, f"--remote=ssh://alice@{place}/{big}", "main")
    refused, by_git = (
        client.run("archive", f"--remote={place}", "no-such-branch")
        for place in (f"ssh://alice@{place}/{big}", site.root / big)
    )

    wanted = subprocess.run(["git", "archive", "main"], cwd=site.root / big, check=True, capture_output=True).stdout
    assert hashlib.sha256(archive.read_bytes()).digest() == hashlib.sha256(wanted).digest()
    assert refused.returncode == by_git.returncode != 0
    assert sorted(refused.stderr.splitlines()) == sorted(by_git.stderr.splitlines())
