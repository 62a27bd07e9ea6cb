"""Doors that the other journeys do not go through: IPv6, and a unix socket behind a proxy."""

import socket as sockets
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

IPV6 = """
  - {url: "ssh://[::1]:0", host_keys: [ssh_host_ed25519_key]}
  - {url: "http://[::1]:0"}
  - {url: "git://[::1]:0"}
"""

SITE = """
version: 1
listen: DOORS
plugins:
  - {use: htpasswd, file: users.htpasswd}
  - {use: authorized-keys, directory: keys.d}
  - use: rules
RULES
  - {use: tree, root: repositories}
"""


@pytest.fixture
def site(starting, tmp_path: Path) -> Iterator:
    """Starts a site with these doors, and one repository."""
    running = []

    def start(doors: str):
        running.append(starting(tmp_path / "site", SITE.replace("DOORS", doors)))
        running[0].repository("open/app.git")
        return running[0]

    yield start
    for each in running:
        each.daemon.process.kill()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[str]:
    """Where something stands in front of the socket `s`, as nginx would."""
    command = [sys.executable, str(Path(__file__).with_name("relay.py")), str(tmp_path / "s"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout is not None
        yield f"127.0.0.1:{int(relay.stdout.readline())}"
        relay.kill()


def push_through(client, url: str, branch: str) -> None:
    clone = client.home / branch
    client.git("clone", "-q", url, clone)
    client.git("commit", "-q", "--allow-empty", "-m", "x", cwd=clone)
    client.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}", cwd=clone)


def test_a_unix_socket_is_served_behind_a_proxy_and_goes_with_the_server(site, tmp_path, proxy):
    # A socket that a server before has left, when it was killed.
    with sockets.socket(sockets.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "s"))
    running = site(f'[{{url: "http+unix://{tmp_path}/s", mode: "0600"}}]')

    push_through(running.client("alice"), f"http://{proxy}/open/app", "main")

    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    running.daemon.wait_for_log("info audit: http local anonymous git-receive-pack /open/app: completed")
    assert running.daemon.close() == 0
    assert not (tmp_path / "s").exists()


def test_every_door_can_be_one_of_ipv6(site):
    try:
        sockets.create_server(("::1", 0), family=sockets.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    running = site(IPV6)
    client = running.client("alice")

    for transport in ("ssh", "http", "git"):
        assert "[::1]:" in running.url(transport, "")
        push_through(client, running.url(transport, "open/app"), transport)

    assert [line.split()[-1] for line in client.git("ls-remote", running.url("git", "open/app")).splitlines()] == [
        *("refs/heads/git", "refs/heads/http", "refs/heads/ssh")
    ]
    running.daemon.wait_for_log("info audit: ssh ::1 alice git-receive-pack /open/app: completed")
    assert running.daemon.close() == 0
