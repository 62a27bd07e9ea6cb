"""The README's first configuration, as somebody copies it: made, served, cloned from and pushed to."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text()

#: Ports of the README, and the transports whose they are.
PORTS = {"5522": "ssh", "8080": "http", "9418": "git"}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def person(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has `gitgate` on the PATH, an ssh key, and a password to type."""
    home = Path(environ["HOME"])
    (home / ".ssh").mkdir()
    key = home / ".ssh" / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in (
        ("gitgate", f'exec "{sys.executable}" -m gitgate "$@"'),
        ("askpass", "echo wonderland"),
        # ssh looks for its files in the home that /etc/passwd names.
        ("ssh", f'exec /usr/bin/env PATH="{os.environ["PATH"]}" ssh -F /dev/null -i "{key}" -o BatchMode=yes'
         f' -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile={home}/known_hosts" "$@"'),
    ):  # fmt: skip
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    identity = {
        f"GIT_{who}_{what}": "alice@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return {**environ, **identity, "PATH": f"{commands}:{environ['PATH']}", "GIT_ASKPASS": str(commands / "askpass")}


def _sh(script: str, folder: Path, environ: dict[str, str], given: str = "") -> str:
    """What a script prints that succeeds. It has no terminal, so that what it asks for is read from `given`."""
    ran = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=environ,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        start_new_session=True,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_the_first_configuration_of_the_readme_serves_clones_and_pushes(
    start: Callable[..., Any], folder: Path, person: dict[str, str], tmp_path: Path
) -> None:
    _, make, serve, use = _blocks("sh")
    [configuration] = _blocks("yaml")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    _sh(make, folder, person, given="wonderland\nwonderland\n")
    (folder / "gitgate.yaml").write_text(re.sub(r":(?:5522|8080|9418)\b", ":0", configuration))
    check, bare = serve.splitlines()
    checked = _sh(check, folder, person)
    server = start(*bare.split()[1:])
    for port, transport in PORTS.items():
        use = use.replace(f":{port}/", f":{server.urls[transport].rpartition(':')[2]}/")
    _sh(use, elsewhere, person)

    refs = _sh("git for-each-ref --format='%(refname)'", folder / "repositories/team/app.git", person).split()
    assert checked.splitlines()[-1] == "gitgate.yaml is fine"
    assert len(refs) == 2
    assert "refs/heads/over-ssh" in refs
    for clone in ("over-ssh", "over-git"):
        assert _sh("git log --format=%s", elsewhere / clone, person) == "First\n"
    methods = re.findall(r"(http|ssh) 127\.0\.0\.1 alice git-receive-pack /team/app: completed", server.log)
    assert methods == ["http", "http", "ssh"]


def test_the_ports_of_the_readme_are_those_that_a_folder_is_served_on() -> None:
    from gitgate.cli.directory_mode import Ports

    assert Ports() == Ports(**{transport: int(port) for port, transport in PORTS.items()})
    assert re.search(r"over ssh on port 5522,\s+http on 8080\s+and\s+git://\s+on\s+9418", README)
