"""The rows of the table, by the names that `make bench ROWS=...` takes."""

from collections.abc import Callable, Iterator, Mapping

from benchmarks.measuring import Comparison
from benchmarks.rows import clones, memory, pushes, requests, ssh, starts
from benchmarks.stand import Stand

Row = Callable[[Stand], Iterator[Comparison]]

ROWS: Mapping[str, Row] = {
    "clone": clones.cold,
    "again": clones.again,
    "together": clones.together,
    "advertisement": requests.advertisement,
    "ls-refs": requests.ls_refs,
    "ls-remote": requests.ls_remote,
    "ssh-login": ssh.login,
    "ssh-bulk": ssh.bulk,
    "push": pushes.push,
    "idle": memory.idle_logins,
    "stalled": memory.stalled_clones,
    "refs": requests.many_refs,
    "start": starts.start,
}
