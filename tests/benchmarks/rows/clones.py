"""Clones of history.git, as seen by the server: the client throws away what it gets."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.doors import Door
from benchmarks.measuring import Candidate, Comparison, Runs, Server, in_turn
from benchmarks.questions import FLUSH, clone_request
from benchmarks.stand import Stand

_NAME = "history.git"
_AT_ONCE = 16


class _Clone:
    """The clone that is measured."""

    def __init__(self, stand: Stand) -> None:
        self._request = clone_request(stand.repositories.tip(_NAME))
        self._least = int(0.9 * sum(pack.stat().st_size for pack in (stand.root / _NAME).glob("objects/pack/*.pack")))

    def through(self, door: Door) -> None:
        door.fetch(_NAME, self._request).check(least=self._least, holds=FLUSH)

    def candidate(self, server: Server, door: Door, before: Callable[[], object] = lambda: None) -> Candidate:
        return Candidate(partial(self.through, door), server, before)


def cold(stand: Stand) -> Iterator[Comparison]:
    """git has to pack: nothing is kept, or what is kept is of another state."""
    clone = _Clone(stand)
    plain, caching = stand.keeps_nothing, stand.gitgate
    changed = partial(stand.repositories.change, _NAME)
    over: dict[str, tuple[Door, Door, Sequence[tuple[Server, Door]]]] = {
        "http": (plain.http, caching.http, stand.over_http()),
        "git": (plain.git, caching.git, stand.over_git()),
        "ssh": (plain.ssh, caching.ssh, stand.over_ssh()),
    }
    with ExitStack() as connections:
        for ssh in (plain.ssh, caching.ssh, *(door for _, door in stand.over_ssh())):
            connections.enter_context(ssh.logged_in())
        for transport, (plain_door, caching_door, peers) in over.items():
            work = f"cold clone, {transport}"
            candidates = {
                stand.bare.name: clone.candidate(stand.bare, stand.bare),
                "cache off": clone.candidate(plain, plain_door),
                "cache on, state changed": clone.candidate(caching, caching_door, _settled(changed)),
                **{peer.name: clone.candidate(peer, door) for peer, door in peers},
            }
            results = in_turn(candidates, stand.runs)
            bare = results[stand.bare.name]
            for ours_name in ("cache off", "cache on, state changed"):
                run = results[ours_name]
                yield Comparison(work, ours_name, run.wall_series, "git alone", bare.wall_series, "s", at_most=1.05)
                for peer, _ in peers:
                    theirs = results[peer.name].wall_series
                    yield Comparison(work, ours_name, run.wall_series, peer.name, theirs, "s", at_most=1)
            yield from _cpu(work, "cache off", results, [stand.bare.name, *(peer.name for peer, _ in peers)])


def again(stand: Stand) -> Iterator[Comparison]:
    """The same clone again, which somebody has made before over any transport."""
    if stand.nginx is None:
        return
    clone = _Clone(stand)
    gitgate, nginx = stand.gitgate, stand.nginx
    with gitgate.ssh.logged_in():
        candidates = {
            nginx.name: clone.candidate(nginx, nginx.http),
            "http": clone.candidate(gitgate, gitgate.http),
            "http, a user with bcrypt": clone.candidate(gitgate, gitgate.http_with_password),
            "git": clone.candidate(gitgate, gitgate.git),
            "ssh": clone.candidate(gitgate, gitgate.ssh),
        }
        results = in_turn(candidates, stand.runs)
    theirs = results.pop(nginx.name)
    for name, run in results.items():
        yield Comparison(
            "the same clone again", name, run.wall_series, nginx.name, theirs.wall_series, "s", at_most=1 / 8
        )
        if run.cpu_series is not None and theirs.cpu_series is not None:
            work = "the same clone again, CPU"
            yield Comparison(work, name, run.cpu_series, nginx.name, theirs.cpu_series, "CPU s", at_most=0.1)


def together(stand: Stand) -> Iterator[Comparison]:
    """Sixteen cold clones that start together, and one."""
    clone = _Clone(stand)
    gitgate = stand.gitgate
    before = _settled(partial(stand.repositories.change, _NAME))

    def all_at_once() -> None:
        failures: list[BaseException] = []

        def one() -> None:
            try:
                clone.through(gitgate.http)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=one) for _ in range(_AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    candidates = {
        "one": clone.candidate(gitgate, gitgate.http, before),
        "sixteen": Candidate(all_at_once, gitgate, before),
    }
    results = in_turn(candidates, stand.runs)
    one, sixteen = results["one"].cpu_series, results["sixteen"].cpu_series
    assert one is not None
    assert sixteen is not None
    yield Comparison(f"{_AT_ONCE} cold clones together, CPU", "http", sixteen, "one clone", one, "CPU s", at_most=1.5)


def _settled(change: Callable[[], object]) -> Callable[[], object]:
    """After a change, gitgate keeps nothing until another one could not go unnoticed: 20 ms."""

    def changed() -> None:
        change()
        time.sleep(0.1)

    return changed


def _cpu(work: str, ours: str, results: dict[str, Runs], others: list[str]) -> Iterator[Comparison]:
    mine = results[ours].cpu_series
    for name in others:
        theirs = results[name].cpu_series
        if mine is not None and theirs is not None:
            yield Comparison(f"{work}, CPU", ours, mine, name, theirs, "CPU s")
