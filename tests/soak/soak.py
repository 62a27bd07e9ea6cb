"""Fifty clients clone, push and fetch over every transport, and one operation in a hundred is killed.

`make soak` runs it, for SOAK_SECONDS. In the end each repository is whole, has what clients were told that it has, and
the server has as many descriptors, children and timers as in the beginning.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from journeys_for_soak import CONFIGURATION
from waiting import wait_until

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
CLIENTS = 50
REPOSITORIES = 5
TRANSPORTS = ("ssh", "http", "https", "git")

#: Of a hundred operations.
KILLED_CLIENTS, KILLED_GITS = 1, 1

TIMERS = """
from pathlib import Path
from gitgate.plugin import hookimpl

class Plugin:
    @hookimpl
    async def started(self):
        self._count()

    def _count(self):
        from twisted.internet import reactor
        Path("timers.new").write_text(str(len(reactor.getDelayedCalls())))
        Path("timers.new").replace("timers")
        reactor.callLater(0.2, self._count)
"""


class Client:
    """Somebody with a clone of a repository, and a branch that nobody else pushes to."""

    def __init__(self, site: Any, number: int, done: Counter[str]) -> None:
        self._site = site
        self._done = done
        self._random = random.Random(number)
        self._client = site.client()
        self._path = f"open/r{number % REPOSITORIES}"
        self.branch = f"refs/heads/client{number}"
        self.directory = site.root / self._path
        #: The branch has the first, or one of the others: pushes whose end was not heard.
        self.possible: list[str] = [""]
        self._work = self._client.home / "work"
        self._client.git("clone", "-q", str(self.directory), self._work)

    def go_on(self, ends: float) -> None:
        """One operation after the other."""
        while time.monotonic() < ends:
            transport = self._random.choice(TRANSPORTS)
            what = self._random.choice((self._clone, self._push, self._fetch, self._fetch))
            what(self._site.url(transport, self._path))

    def _clone(self, url: str) -> None:
        copy = self._client.home / "copy"
        self._run("clone", "-q", url, copy)
        subprocess.run(["rm", "-rf", copy], check=True)

    def _fetch(self, url: str) -> None:
        self._run("fetch", "-q", url, "refs/heads/main", cwd=self._work)

    def _push(self, url: str) -> None:
        commit = self._client.commit(self._work, number=f"{self._random.random()}\n" * 2000)
        if self._run("push", "-q", url, f"HEAD:{self.branch}", cwd=self._work):
            self.possible = [commit]
        else:
            self.possible.append(commit)

    def _run(self, *arguments: str | Path, cwd: Path | None = None) -> bool:
        """Whether git succeeded, which it must if nothing was killed."""
        fate = self._random.random() * 100
        with self._client.popen(*arguments, cwd=cwd) as git:
            if fate < KILLED_CLIENTS:
                time.sleep(self._random.random() * 0.5)
                with suppress(ProcessLookupError):
                    os.killpg(git.pid, signal.SIGKILL)
                self._done["client killed"] += 1
            elif fate < KILLED_CLIENTS + KILLED_GITS and arguments[0] != "push":
                # A push whose git is killed leaves its lock behind, and nobody could push to that branch any more.
                time.sleep(self._random.random() * 0.2)
                self._done["git killed"] += _kill_a_fetch(self._site)
            code = git.wait()
        self._done[f"{arguments[0]} {'done' if code == 0 else 'failed'}"] += 1
        return code == 0


def _kill_a_fetch(site: Any) -> int:
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            is_fetch = b"\0upload-pack\0" in (entry / "cmdline").read_bytes()
            if is_fetch and os.fsencode(site.folder) in (entry / "environ").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
                return 1
    return 0


@contextmanager
def _measured(site: Any) -> Iterator[None]:
    """Descriptors, children and timers come back to what they were."""

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{site.daemon.process.pid}/fd"))

    def timers() -> int:
        return int((site.folder / "timers").read_text())

    for transport in TRANSPORTS:
        site.client().git("ls-remote", site.url(transport, "open/r0"))
    wait_until(lambda: not site.daemon.children(), "git runs on", seconds=60)
    time.sleep(1)
    before = descriptors(), timers(), site.daemon.memory_kib()
    yield
    wait_until(lambda: not site.daemon.children(), "git runs on", seconds=60)
    wait_until(lambda: descriptors() <= before[0], "descriptors are left open", seconds=60)
    wait_until(lambda: timers() <= before[1], "timers are left", seconds=60)
    print(f"memory: {before[2] // 1024} MiB before, {site.daemon.memory_kib() // 1024} MiB after")


def test_fifty_clients_of_which_some_are_killed_leave_everything_whole(another_site: Any, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    information = installed / "timers-1.dist-info"
    information.mkdir(parents=True)
    (installed / "timers.py").write_text(TIMERS)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: timers\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[gitgate.plugins]\ntimers = timers:Plugin\n")
    environment = {"PYTHONPATH": f"{installed}:{os.environ.get('PYTHONPATH', '')}"}
    configuration = CONFIGURATION.replace("plugins:\n", "plugins:\n  - {use: timers}\n").replace("debug", "info")
    # A client that was killed is missed only after a while, and fifty at once are all that one source has by default.
    configuration += "limits: {max_operations_per_source: 100, max_operations_per_identity: 100}\n"
    site = another_site(configuration, environment=environment)
    for number in range(REPOSITORIES):
        site.filled(f"open/r{number}", commits=20)
    done: Counter[str] = Counter()
    clients = [Client(site, number, done) for number in range(CLIENTS)]

    with _measured(site):
        ends = time.monotonic() + SECONDS
        threads = [threading.Thread(target=client.go_on, args=(ends,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    print(f"{SECONDS:.0f} s: {', '.join(f'{what}: {count}' for what, count in sorted(done.items()))}")
    for number in range(REPOSITORIES):
        directory = site.root / "open" / f"r{number}"
        subprocess.run(["git", "-C", directory, "fsck", "--full", "--strict", "--no-progress"], check=True)
        assert not [*directory.rglob("*.lock"), *directory.rglob("tmp_objdir*"), *directory.rglob("incoming-*")]
    for client in clients:
        has = subprocess.run(
            ["git", "-C", client.directory, "rev-parse", "--verify", "-q", client.branch],
            capture_output=True,
            text=True,
        )
        assert has.stdout.strip() in client.possible
    failed = sum(count for what, count in done.items() if what.endswith("failed"))
    # Clients that fetch the same at once share one git.
    assert failed <= done["client killed"] + done["git killed"] * CLIENTS // REPOSITORIES
    assert sum(count for what, count in done.items() if what.endswith("done")) > CLIENTS
    assert "Traceback" not in site.daemon.log()
