"""A root with real repositories in it, made by the real git."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitgate_tree import TreePlugin, TreeSettings
from hooks import answered

from gitgate.plugin import (
    ANONYMOUS,
    Access,
    GitRequest,
    Missing,
    Peer,
    Repository,
    Service,
    Transport,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is served: `srv/git` below a folder that is not."""
    root = tmp_path / "srv" / "git"
    root.mkdir(parents=True)
    return root


@pytest.fixture(scope="session")
def git(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs git with these arguments, and returns what it prints."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            ["git", *map(str, arguments)], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run


@pytest.fixture
def make(git: Callable[..., str]) -> Callable[..., Path]:
    """Makes a repository with `git init`; where a branch is named, it has one commit. Returns its git directory."""

    def init(place: Path, *options: str, branch: str | None = None) -> Path:
        git("init", "--quiet", *options, place)
        directory = place if "--bare" in options else place / ".git"
        if branch is not None:
            tree = git("-C", directory, "hash-object", "-t", "tree", "-w", os.devnull).strip()
            commit = git("-C", directory, "commit-tree", "-m", "a commit", tree).strip()
            git("-C", directory, "update-ref", f"refs/heads/{branch}", commit)
        return directory

    return init


@pytest.fixture
def git_serves(git: Callable[..., str]) -> Callable[[Path], str]:
    """What git itself would advertise, to whoever pushes to this directory."""
    return lambda directory: git("receive-pack", "--advertise-refs", directory)


@pytest.fixture(scope="session")
def serve() -> Callable[..., Callable[[str], Repository | Missing]]:
    """Starts a plugin that serves this root, with these settings; returns what asks it for a path."""

    def start(root: Path, **settings: Any) -> Callable[[str], Repository | Missing]:
        plugin = TreePlugin(TreeSettings(root=root, **settings))

        def ask(path: str) -> Repository | Missing:
            answer = answered(plugin.resolve_path(ANONYMOUS, _a_request(path)))
            assert answer is not None, "a single root is for every path"
            return answer

        return ask

    return start


@pytest.fixture
def ask(root: Path, serve: Callable[..., Callable[[str], Repository | Missing]]) -> Callable[..., Repository | Missing]:
    """Asks a plugin that serves the root, with these settings, for a path."""
    return lambda path, **settings: serve(root, **settings)(path)


def _a_request(path: str) -> GitRequest:
    return GitRequest(
        request_id="r1",
        peer=Peer(transport=Transport.GIT, address="192.0.2.1", port=4711, encrypted=False),
        service=Service.UPLOAD_PACK,
        path=path,
        protocol=2,
        host=None,
        access=Access.READ,
    )
