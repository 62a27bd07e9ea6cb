"""git alone, without a server: the limit."""

import os
import resource
from pathlib import Path

from benchmarks.doors import Answer, as_file, piped

_ENVIRONMENT = {"HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}


class Bare:
    """`git upload-pack` and `git receive-pack`, fed from a file, and read as all the others are: from a pipe."""

    name = "git alone"

    def __init__(self, root: Path) -> None:
        self._root = root

    def cpu_seconds(self) -> float:
        """Of all children of this process that have ended: what else it starts must not end meanwhile."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def fetch(self, repository: str, request: bytes) -> Answer:
        with as_file(request) as file:
            return self._run("upload-pack", repository, file, {"GIT_PROTOCOL": "version=2"})

    def push(self, repository: str, body: Path) -> Answer:
        with body.open("rb") as file:
            return self._run("receive-pack", repository, file.fileno(), {})

    def _run(self, service: str, repository: str, stdin: int, protocol: dict[str, str]) -> Answer:
        command = ["git", service, "--stateless-rpc", str(self._root / repository)]
        return piped(command, stdin, {"PATH": os.environ["PATH"], **_ENVIRONMENT, **protocol})
