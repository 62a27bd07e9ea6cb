"""A server's process, what it has cost with all that it started, and its certain end.

Where a cgroup (version 2) can be made, the server has one: nothing that it starts can leave it, and the kernel counts
for all of them. Elsewhere /proc has to do. That knows nothing of children whose end their parent ignores, as
fcgiwrap's workers do; of such servers it is not told what they cost.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SECONDS_TO_START = 15.0
_SECONDS_TO_END = 5.0
_numbers = count()


class Unavailable(Exception):
    """A server cannot be measured here; says why, and what to do."""


class ServerProcess:
    """A process that runs until it is closed, with its output in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str],
        *,
        forgets_children: bool = False,
    ) -> None:
        """`forgets_children`: it ignores how its children end, so only a cgroup can tell what they cost."""
        self.name = name
        self.log = folder / f"{name}.log"
        self._cgroup = _new_cgroup(name)
        self._forgets_children = forgets_children
        self._is_closed = False
        arguments = [str(part) for part in command]
        if self._cgroup is not None:
            enter = 'echo $$ > "$0" && exec "$@"'
            arguments = ["/bin/sh", "-c", enter, str(self._cgroup / "cgroup.procs"), *arguments]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                arguments,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def last_words(self) -> str:
        """What it said last, for a message."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def cpu_seconds(self) -> float | None:
        if self._cgroup is not None:
            for line in (self._cgroup / "cpu.stat").read_text().splitlines():
                if line.startswith("usage_usec "):
                    return int(line.split()[1]) / 1e6
        if self._forgets_children:
            return None
        return sum(_cpu_ticks(pid) for pid in _family(self.pid)) / _TICKS

    def memory_kib(self) -> int:
        """The resident memory of the process itself."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise Unavailable(f"{self.name} has ended: {self.last_words()}")

    def open_files(self) -> int:
        """How many descriptors it has open: with each connection one more."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def close(self) -> None:
        """End it, and all that it has started; once is enough."""
        if self._is_closed:
            return
        self._is_closed = True
        family = list(_family(self.pid))
        if not self.has_ended:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        # The group's number is its own as long as one of it lives; the others are looked at again before.
        for pid in {*family, *self._in_cgroup()}:
            _end(pid, self._cgroup)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if self._cgroup is not None:
            self._remove_cgroup(self._cgroup)

    def _in_cgroup(self) -> list[int]:
        if self._cgroup is None:
            return []
        return [int(line) for line in (self._cgroup / "cgroup.procs").read_text().split()]

    def _remove_cgroup(self, cgroup: Path) -> None:
        give_up = time.monotonic() + _SECONDS_TO_END
        while time.monotonic() < give_up:
            for pid in self._in_cgroup():
                _end(pid, cgroup)
            try:
                cgroup.rmdir()
                return
            except OSError:
                time.sleep(0.05)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on just now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_for_port(port: int, server: ServerProcess) -> None:
    """Returns once somebody listens there. Raises `Unavailable`."""
    give_up = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < give_up and not server.has_ended:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Unavailable(f"{server.name} did not start: {server.last_words()}")


def _new_cgroup(name: str) -> Path | None:
    try:
        own = next(
            line.partition("::")[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::"
        )
        mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
        mount = next(Path(fields[4]) for fields in mounts if fields[fields.index("-") + 1] == "cgroup2")
        cgroup = mount / own.lstrip("/") / f"gitgate-bench-{os.getpid()}-{next(_numbers)}-{name}"
        cgroup.mkdir()
    except (OSError, StopIteration, ValueError):
        return None
    if os.access(cgroup / "cgroup.procs", os.W_OK) and "usage_usec" in (cgroup / "cpu.stat").read_text():
        return cgroup
    cgroup.rmdir()
    return None


def _stat(pid: int) -> list[str]:
    # The name, in parentheses, may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_ticks(pid: int) -> int:
    """Of the process, and of its children that have ended and for which it waited."""
    try:
        return sum(map(int, _stat(pid)[11:15]))
    except OSError:
        return 0


def _family(pid: int) -> Iterator[int]:
    """The process and what descends from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:
                continue
    waiting = [pid]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(children.get(found, ()))


def _end(pid: int, cgroup: Path | None) -> None:
    """End a process that we have started, unless its number is somebody else's by now."""
    try:
        if cgroup is not None and f"{pid}" not in (cgroup / "cgroup.procs").read_text().split():
            return
        if cgroup is None and _stat(pid)[1] not in ("1", f"{os.getpid()}"):
            return
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
