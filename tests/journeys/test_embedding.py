"""The program of docs/embedding.md: gitgate inside somebody else's Twisted program, without a configuration."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import MultiService
from twisted.internet.task import Clock

from gitgate.server import Server

GUIDE = Path(__file__).parents[2] / "docs" / "embedding.md"

ONE_SCREEN_LINES = 90


@dataclass(frozen=True)
class Running:
    """The program as it runs, in its folder. `urls` are those that it printed, by protocol, without the repository."""

    folder: Path
    process: "subprocess.Popen[str]"
    urls: dict[str, str]

    def client(self, site: Any) -> Any:
        """alice's git, which trusts the program's host key."""
        client = site.client("alice")
        host, _, port = self.urls["ssh"].partition("://")[2].rpartition(":")
        key = (self.folder / "ssh_host_ed25519_key.pub").read_text().split()[:2]
        known_hosts = client.home / "known_hosts"
        known_hosts.write_text(f"[{host}]:{port} {' '.join(key)}\n")
        ssh = client.environment["GIT_SSH_COMMAND"]
        client.environment["GIT_SSH_COMMAND"] = re.sub(
            r"UserKnownHostsFile=\S+", f"UserKnownHostsFile={known_hosts}", ssh
        )
        return client

    def url(self, protocol: str, login: str = "") -> str:
        """The URL of the one repository, with a name or a name and a password."""
        return self.urls[protocol].replace("://", f"://{login}@" if login else "://") + "/app.git"


def program() -> str:
    """The only Python block of the guide."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return str(block)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, site: Any) -> Iterator[Running]:
    """The program in a folder with a repository `app`, and alice's key."""
    folder = tmp_path_factory.mktemp("embedding")
    (folder / "program.py").write_text(program())
    (folder / "keys").mkdir()
    shutil.copy(site.keys / "alice.pub", folder / "keys")
    shutil.copytree(site.filled("to-be-embedded.git"), folder / "repositories" / "app.git")
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        urls = {line.partition(":")[0]: line.removesuffix("/REPOSITORY\n") for line in lines}
        try:
            yield Running(folder, process, urls)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(("protocol", "login"), [("ssh", "alice"), ("http", "alice:wonderland")])
def test_alice_clones_and_pushes(running: Running, site: Any, protocol: str, login: str) -> None:
    client = running.client(site)
    client.git("clone", "-q", running.url(protocol, login), "app")
    pushed = client.commit(client.home / "app", **{f"by-{protocol}": "hello\n"})
    client.git("push", "-q", "origin", f"HEAD:refs/heads/by-{protocol}", cwd=client.home / "app")
    assert client.git("ls-remote", running.url("git"), f"refs/heads/by-{protocol}").split()[0] == pushed


@pytest.mark.parametrize("protocol", ["http", "git"])
def test_everybody_clones_and_nobody_unknown_pushes(running: Running, site: Any, protocol: str) -> None:
    client = running.client(site)
    client.git("clone", "-q", running.url(protocol), "app")
    client.commit(client.home / "app", unwanted="hello\n")
    client.git("push", "-q", "origin", "HEAD:refs/heads/unwanted", cwd=client.home / "app", fails=True)
    assert client.git("ls-remote", running.url("git"), "refs/heads/unwanted") == ""


def test_a_wrong_password_does_not_push(running: Running, site: Any) -> None:
    client = running.client(site)
    client.git("clone", "-q", running.url("http", "alice:looking-glass"), "app")
    said = client.git("push", "origin", "HEAD:refs/heads/unwanted", cwd=client.home / "app", fails=True)
    assert "Authentication failed" in said


def test_the_program_is_one_screen() -> None:
    assert len(program().splitlines()) <= ONE_SCREEN_LINES


def test_a_server_is_a_service_among_others() -> None:
    services = MultiService()
    server = Server(reactor=Clock(), listen=[], members=[])
    server.setServiceParent(services)
    assert list(services) == [server]
