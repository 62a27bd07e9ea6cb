"""A push of 96 MiB into a new repository, against git that reads the same from a file."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.doors import Door
from benchmarks.measuring import Candidate, Comparison, Server, in_turn
from benchmarks.stand import Stand


class _Push:
    """Pushes into a repository that is made before the clock runs, and removed before the next one."""

    def __init__(self, stand: Stand, door: Door) -> None:
        self._stand = stand
        self._door = door
        self._repository: str | None = None

    def before(self) -> None:
        if self._repository is not None:
            self._stand.repositories.remove(self._repository)
        self._repository = self._stand.new_repository()
        os.sync()  # the push ends with git's fsync, which is not to wait for what the one before has left

    def push(self) -> None:
        assert self._repository is not None
        answer = self._door.push(self._repository, self._stand.repositories.push_body)
        answer.check(least=1, holds=b"ok refs/heads/main")


def push_candidate(stand: Stand, server: Server, door: Door) -> Candidate:
    """A push through one door."""
    push = _Push(stand, door)
    return Candidate(push.push, server, push.before)


def push(stand: Stand) -> Iterator[Comparison]:
    """Over each transport."""
    gitgate = stand.gitgate
    doors: dict[str, tuple[Server, Door]] = {
        stand.bare.name: (stand.bare, stand.bare),
        "http": (gitgate, gitgate.http),
        "git": (gitgate, gitgate.git),
        "ssh": (gitgate, gitgate.ssh),
    }
    if stand.nginx is not None:
        doors[stand.nginx.name] = (stand.nginx, stand.nginx.http)
    if stand.git_daemon is not None:
        doors[stand.git_daemon.name] = (stand.git_daemon, stand.git_daemon.git)
    with ExitStack() as connections:
        connections.enter_context(gitgate.ssh.logged_in())
        if stand.openssh is not None:
            connections.enter_context(stand.openssh.ssh.logged_in())
            doors[stand.openssh.name] = (stand.openssh, stand.openssh.ssh)
        candidates = {name: push_candidate(stand, server, door) for name, (server, door) in doors.items()}
        results = in_turn(candidates, stand.runs)
    bare = results[stand.bare.name].wall_series
    peers = {"http": stand.nginx, "git": stand.git_daemon, "ssh": stand.openssh}
    for transport, peer in peers.items():
        ours = results[transport].wall_series
        yield Comparison("push of 96 MiB", transport, ours, stand.bare.name, bare, "s", at_most=1.05)
        if peer is not None:
            yield Comparison("push of 96 MiB", transport, ours, peer.name, results[peer.name].wall_series, "s")
