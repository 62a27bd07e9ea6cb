"""Short requests: what clients ask before there is anything to fetch."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from typing import TypeAlias

from benchmarks.doors import Door
from benchmarks.load import advertisements, again, per_second
from benchmarks.load import ls_refs as refs_of
from benchmarks.measuring import Candidate, Comparison, Server, figures_in_turn, in_turn
from benchmarks.peers import SoftServe
from benchmarks.questions import FLUSH, LS_REFS
from benchmarks.stand import Stand

_NAME = "history.git"
_SECONDS = 1.0
#: 50,000 lines of at least so many bytes.
_LEAST_OF_REFS = 50_000 * 60
_WITH_PASSWORD = "http, a user with bcrypt"
_SAME_USER = "the same user"

#: Who asks again and again until the event is set, and then says how often it was.
_Asking: TypeAlias = Callable[[threading.Event], int]


def advertisement(stand: Stand) -> Iterator[Comparison]:
    """What git can do with protocol 2: the first request over http."""
    ours = {"http": advertisements(stand.gitgate.http, _NAME)}
    theirs = {peer.name: advertisements(door, _NAME) for peer, door in stand.over_http()}
    yield from _against(stand, "advertisement", ours, theirs, {"http": 5.0})


def ls_refs(stand: Stand) -> Iterator[Comparison]:
    """The refs: the second request, over connections that stay."""
    ours = {
        "http": refs_of(stand.gitgate.http, _NAME),
        _WITH_PASSWORD: refs_of(stand.gitgate.http_with_password, _NAME),
        "http, cache off": refs_of(stand.keeps_nothing.http, _NAME),
    }
    theirs = {peer.name: refs_of(door, _NAME) for peer, door in stand.over_http()}
    if stand.nginx is not None:
        theirs[f"{stand.nginx.name}, {_SAME_USER}"] = refs_of(stand.nginx.http_with_password, _NAME)
    yield from _against(stand, "ls-refs", ours, theirs, {"http": 2.0, _WITH_PASSWORD: 1.5})


def ls_remote(stand: Stand) -> Iterator[Comparison]:
    """The requests of `git ls-remote`, with a connection for each time."""
    over_http = {
        "http": again(stand.gitgate.http, _NAME),
        _WITH_PASSWORD: again(stand.gitgate.http_with_password, _NAME),
        "http, cache off": again(stand.keeps_nothing.http, _NAME),
    }
    theirs = {peer.name: again(door, _NAME) for peer, door in stand.over_http()}
    yield from _against(stand, "ls-remote", over_http, theirs, {"http": 2.0, _WITH_PASSWORD: 1.5})
    over_git = {
        "git": again(stand.gitgate.git, _NAME),
        "git, cache off": again(stand.keeps_nothing.git, _NAME),
    }
    theirs = {peer.name: again(door, _NAME) for peer, door in stand.over_git()}
    yield from _against(stand, "ls-remote", over_git, theirs, {"git": 2.0})


def many_refs(stand: Stand) -> Iterator[Comparison]:
    """A fetch that finds nothing new in refs.git: 50,000 refs go over the line, and nothing else."""

    def candidate(server: Server, door: Door) -> Candidate:
        def fetch() -> None:
            door.fetch("refs.git", LS_REFS).check(least=_LEAST_OF_REFS, holds=FLUSH)

        return Candidate(fetch, server)

    gitgate, plain = stand.gitgate, stand.keeps_nothing
    over: dict[str, tuple[Door, Door, Sequence[tuple[Server, Door]]]] = {
        "http": (gitgate.http, plain.http, stand.over_http()),
        "git": (gitgate.git, plain.git, stand.over_git()),
        "ssh": (gitgate.ssh, plain.ssh, stand.over_ssh()),
    }
    with ExitStack() as connections:
        for ssh in (gitgate.ssh, plain.ssh, *(door for _, door in stand.over_ssh())):
            connections.enter_context(ssh.logged_in())
        for transport, (default_door, plain_door, peers) in over.items():
            candidates = {
                "by default": candidate(gitgate, default_door),
                "cache off": candidate(plain, plain_door),
                **{peer.name: candidate(peer, door) for peer, door in peers},
            }
            results = in_turn(candidates, stand.runs)
            work = f"fetch of nothing new, 50,000 refs, {transport}"
            for name, (peer, _) in product(("by default", "cache off"), peers):
                ours, theirs = results[name].wall_series, results[peer.name].wall_series
                yield Comparison(work, name, ours, peer.name, theirs, "s", at_most=1.0)


def _against(
    stand: Stand,
    work: str,
    ours: Mapping[str, _Asking],
    theirs: Mapping[str, _Asking],
    targets: Mapping[str, float],
) -> Iterator[Comparison]:
    """Each of ours against theirs: with a target against what every git brings with it, where they ask as anybody; and
    the same user beside the same user.
    """
    asking = {name: partial(per_second, ask, _SECONDS) for name, ask in {**ours, **theirs}.items()}
    for ask in asking.values():
        ask()
    figures = figures_in_turn(asking, stand.runs)
    for name, peer in product(ours, theirs):
        if not peer.endswith(_SAME_USER):
            at_least = None if peer == SoftServe.name else targets.get(name)
            yield Comparison(work, name, figures[name], peer, figures[peer], "/s", at_least=at_least)
        elif name == _WITH_PASSWORD:
            yield Comparison(work, name, figures[name], peer, figures[peer], "/s")
