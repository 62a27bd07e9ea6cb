"""ssh, with OpenSSH's client and what it agrees on by default."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

from benchmarks.doors import SshDoor
from benchmarks.measuring import Candidate, Comparison, Server, in_turn
from benchmarks.questions import FLUSH, clone_request
from benchmarks.rows.pushes import push_candidate
from benchmarks.stand import Stand


def login(stand: Stand) -> Iterator[Comparison]:
    """`git ls-remote`: connect, exchange keys, log in, list refs."""
    if stand.openssh is None:
        return
    servers = (stand.gitgate, stand.openssh)
    candidates = {server.name: Candidate(partial(server.ssh.ls_remote, "history.git"), server) for server in servers}
    results = in_turn(candidates, max(stand.runs, 7))
    ours, theirs = (results[server.name] for server in servers)
    work = "ssh login and ls-remote"
    yield Comparison(work, "ssh", ours.wall_series, stand.openssh.name, theirs.wall_series, "s", at_most=0.3)
    if ours.cpu_series is not None and theirs.cpu_series is not None:
        yield Comparison(f"{work}, CPU", "ssh", ours.cpu_series, stand.openssh.name, theirs.cpu_series, "CPU s")


def bulk(stand: Stand) -> Iterator[Comparison]:
    """big.git down, and a push up: git has little to do but to pass on what cannot be compressed."""
    if stand.openssh is None:
        return
    request = clone_request(stand.repositories.tip("big.git"))
    least = stand.size.big_blobs * 2**24

    def clone(door: SshDoor) -> None:
        door.fetch("big.git", request).check(least=least, holds=FLUSH)

    peer = stand.openssh
    ours: dict[str, tuple[Server, SshDoor]] = {
        "ssh, cache off": (stand.keeps_nothing, stand.keeps_nothing.ssh),
        "ssh, answer kept": (stand.gitgate, stand.gitgate.ssh),
    }
    doors = {**ours, peer.name: (peer, peer.ssh)}
    with ExitStack() as connections:
        for _, door in doors.values():
            connections.enter_context(door.logged_in())
        down = {name: Candidate(partial(clone, door), server) for name, (server, door) in doors.items()}
        results = in_turn(down, stand.runs)
        theirs = results[peer.name].wall_series
        for name in ours:
            yield Comparison("ssh bulk, down", name, results[name].wall_series, peer.name, theirs, "s", at_most=1.0)
        up = {
            stand.gitgate.name: push_candidate(stand, stand.gitgate, stand.gitgate.ssh),
            peer.name: push_candidate(stand, peer, peer.ssh),
        }
        results = in_turn(up, stand.runs)
        mine, theirs = results[stand.gitgate.name].wall_series, results[peer.name].wall_series
        yield Comparison("ssh bulk, up (a push)", "ssh", mine, peer.name, theirs, "s", at_most=1.0)
