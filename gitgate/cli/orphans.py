"""Reaps processes that lost their parent, where gitgate is process 1: nobody else does so in its container."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gitgate.reactor import Clock

#: A zombie that is none of ours is there at two looks before it is reaped, should somebody wait for it after all.
_SECONDS: Final = 2.0


class OrphanReaper:
    """Looks for zombies every two seconds. What other children of ours leave behind, hooks for instance, comes to us.

    A child of our own is waited for by whoever started it: Twisted, or `subprocess` in a thread of a plugin. The former
    are known to it, the latter are in our process group.
    """

    def __init__(self, clock: Clock, is_awaited: Callable[[int], bool]) -> None:
        self._clock = clock
        self._is_awaited = is_awaited
        self._seen: set[int] = set()

    def start(self) -> None:
        """Look from now on."""
        self._clock.callLater(_SECONDS, self._look)

    def _look(self) -> None:
        now = {pid for pid in _zombies() if not self._is_awaited(pid)}
        for pid in now & self._seen:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        self._seen = now - self._seen
        self.start()


def _zombies() -> Iterator[int]:
    """The ended children of this process that are not of its process group (proc_pid_stat(5))."""
    ours, group = os.getpid(), os.getpgrp()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            status = Path(entry.path, "stat").read_bytes()
        except OSError:
            continue
        state, parent, its_group = status[status.rindex(b")") + 2 :].split()[:3]
        if state == b"Z" and int(parent) == ours and int(its_group) != group:
            yield int(entry.name)
