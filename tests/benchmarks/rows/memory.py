"""What clients that do nothing cost."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.measuring import Comparison, Series
from benchmarks.ours import GitGate
from benchmarks.questions import FLUSH, clone_request
from benchmarks.stand import Stand

_LOGINS = 1000
_STALLED = 50
_READ_BEFORE_STALLING = 2**20
#: git can write the whole of big.git in this time, wherever it may write to.
_SECONDS_STALLED = 10.0
#: Sockets and buffers of fifty clients, and what the allocator does not give back.
_FLAT_MIB = 32.0


def idle_logins(stand: Stand) -> Iterator[Comparison]:
    """A thousand clients that have logged in over ssh, and wait."""
    gitgate = stand.fresh_gitgate()
    gitgate.ssh.ls_remote("history.git")  # what a first login loads is no growth
    before = _settled_kib(gitgate)
    arguments = [str(gitgate.ssh.port), gitgate.ssh.user, str(gitgate.ssh.key), str(_LOGINS)]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.idle_logins", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as clients:
        assert clients.stdin is not None
        assert clients.stdout is not None
        said = clients.stdout.readline()
        after = _settled_kib(gitgate)
        connections = gitgate.open_files()
        clients.stdin.close()
    if said.strip() != b"ready" or connections < _LOGINS:
        raise RuntimeError(f"not all clients could log in, or stay: {said!r}, {connections} connections")
    gitgate.close()
    each = Series(((after - before) / _LOGINS,))
    yield Comparison(f"{_LOGINS} idle ssh logins, each", "ssh", each, "the target", 128.0, "KiB", at_most=1.0)


def stalled_clones(stand: Stand) -> Iterator[Comparison]:
    """Fifty clients that stop reading in the middle of big.git: what the server has grown by, some seconds later."""
    gitgate = stand.fresh_gitgate()
    request = clone_request(stand.repositories.tip("big.git"))
    gitgate.git.ls_remote("big.git")
    before = _settled_kib(gitgate)
    with ExitStack() as connections:
        for _ in range(_STALLED):
            connection = connections.enter_context(gitgate.git.connect("git-upload-pack", "big.git"))
            connection.sendall(request + FLUSH)
            taken = 0
            while taken < _READ_BEFORE_STALLING:
                taken += len(connection.recv(2**16)) or _READ_BEFORE_STALLING
        time.sleep(_SECONDS_STALLED)
        grown = Series(((gitgate.memory_kib() - before) / 1024,))
    gitgate.close()
    yield Comparison(f"{_STALLED} stalled clones, in all", "git", grown, "the target", _FLAT_MIB, "MiB", at_most=1.0)


def _settled_kib(gitgate: GitGate) -> int:
    seen = [gitgate.memory_kib()]
    while len(seen) < 5 or (seen[-1] != seen[-4] and len(seen) < 100):
        time.sleep(0.1)
        seen.append(gitgate.memory_kib())
    return seen[-1]
