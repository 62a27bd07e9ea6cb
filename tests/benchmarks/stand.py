"""What rows measure with: repositories and servers, each made when it is first asked for."""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol, TypeVar

from benchmarks.accounts import Accounts
from benchmarks.bare import Bare
from benchmarks.doors import GitDoor, HttpDoor, SshDoor
from benchmarks.measuring import Server
from benchmarks.ours import GitGate
from benchmarks.peers import GitDaemon, Nginx, OpenSsh, SoftServe
from benchmarks.processes import Unavailable
from benchmarks.repositories import Repositories, Size


class Closable(Protocol):
    """Something that runs."""

    def close(self) -> None: ...


S = TypeVar("S", bound=Closable)


class Stand:
    """A temporary folder with everything that runs; to be closed."""

    def __init__(self, build: Path, size: Size, runs: int) -> None:
        self.runs = runs
        self.size = size
        self.notes: list[str] = []
        self.folder = Path(mkdtemp(prefix="gitgate-bench-"))
        self.accounts = Accounts.make(self.folder)
        self._build = build
        self._running = ExitStack()
        self._running.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._pushes = count()

    @cached_property
    def repositories(self) -> Repositories:
        repositories = Repositories.below(self._build, self.size)
        self._running.callback(repositories.remove_all_new)
        return repositories

    @property
    def root(self) -> Path:
        return self.repositories.root

    @cached_property
    def bare(self) -> Bare:
        return Bare(self.root)

    @cached_property
    def gitgate(self) -> GitGate:
        """As it is by default."""
        return self._keep(GitGate("gitgate", self.root, self.folder / "gitgate", self.accounts))

    @cached_property
    def keeps_nothing(self) -> GitGate:
        """With `cache_size: 0B`."""
        folder = self.folder / "keeps-nothing"
        return self._keep(GitGate("gitgate without cache", self.root, folder, self.accounts, cache="0B"))

    def fresh_gitgate(self) -> GitGate:
        """One more, for rows about its memory and its start; closed by whoever asked."""
        folder = Path(mkdtemp(dir=self.folder)) / "gitgate"
        return self._keep(GitGate("gitgate", self.root, folder, self.accounts))

    @cached_property
    def git_daemon(self) -> GitDaemon | None:
        return self._peer(GitDaemon.name, lambda: GitDaemon(self.root, self.folder))

    @cached_property
    def nginx(self) -> Nginx | None:
        return self._peer(Nginx.name, lambda: Nginx(self.root, self.folder, self.accounts))

    @cached_property
    def openssh(self) -> OpenSsh | None:
        return self._peer(OpenSsh.name, lambda: OpenSsh(self.root, self.folder, self.accounts))

    @cached_property
    def soft_serve(self) -> SoftServe | None:
        return self._peer(SoftServe.name, lambda: SoftServe(self.root, self.folder, self.accounts, self._build))

    def over_http(self) -> list[tuple[Server, HttpDoor]]:
        """The peers that are there, with their doors."""
        return [(peer, peer.http) for peer in (self.nginx, self.soft_serve) if peer is not None]

    def over_git(self) -> list[tuple[Server, GitDoor]]:
        return [(peer, peer.git) for peer in (self.git_daemon, self.soft_serve) if peer is not None]

    def over_ssh(self) -> list[tuple[Server, SshDoor]]:
        return [(peer, peer.ssh) for peer in (self.openssh, self.soft_serve) if peer is not None]

    def new_repository(self) -> str:
        """To push to."""
        return self.repositories.new(next(self._pushes))

    def note(self, text: str) -> None:
        """Something that the reader of the table has to know; once is enough."""
        if text not in self.notes:
            self.notes.append(text)
            print(f"  ({text})", flush=True)

    def close(self) -> None:
        """End what runs, and remove the folder."""
        self._running.close()

    def _keep(self, server: S) -> S:
        self._running.callback(server.close)
        return server

    def _peer(self, name: str, start: Callable[[], S]) -> S | None:
        try:
            return self._keep(start())
        except (Unavailable, OSError, subprocess.SubprocessError) as error:
            self.note(f"{name} is left out: {error}")
            return None
