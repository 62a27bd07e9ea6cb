"""gitgate, as an operator would set it up."""

import re
import sys
import time
from pathlib import Path

from benchmarks.accounts import Accounts
from benchmarks.doors import GitDoor, HttpDoor, SshDoor
from benchmarks.peers import environment
from benchmarks.processes import ServerProcess, Unavailable

_CONFIGURATION = """
version: 1
listen:
  - {{url: "ssh://127.0.0.1:0", host_keys: [host_ed25519_key]}}
  - {{url: "http://127.0.0.1:0"}}
  - {{url: "git://127.0.0.1:0"}}
plugins:
  - {{use: htpasswd, file: "{htpasswd}"}}
  - {{use: authorized-keys, directory: "{keys}"}}
  - use: rules
    rules:
      - {{repos: ["**"], who: [everyone], allow: [read, write]}}
  - {{use: tree, root: "{root}"}}
limits: {{max_connections: 2000}}
git: {{cache_size: {cache}, cache_folder: "{folder}"}}
"""

_SECONDS_TO_START = 30.0


class GitGate:
    """gitgate with all doors but https. `cache` is how much it may keep: a size, and "0B" for nothing."""

    def __init__(self, name: str, root: Path, folder: Path, accounts: Accounts, *, cache: str = "1GiB") -> None:
        self.name = name
        folder.mkdir()
        configuration = folder / "gitgate.yaml"
        configuration.write_text(
            _CONFIGURATION.format(
                htpasswd=accounts.htpasswd, keys=accounts.key.parent, root=root, cache=cache, folder=folder
            )
        )
        command: list[str | Path] = [sys.executable, "-m", "gitgate", "serve", "-c", configuration]
        began = time.perf_counter()
        self._process = ServerProcess("gitgate", command, folder, environment(folder))
        try:
            ports = self._ports()
            self.seconds_to_listening = time.perf_counter() - began
        except BaseException:
            self.close()
            raise
        self.http = HttpDoor(ports["http"])
        self.http_with_password = HttpDoor(ports["http"], accounts.user, accounts.password)
        self.git = GitDoor(ports["git"])
        self.ssh = SshDoor(ports["ssh"], accounts.key.stem, accounts.key, "", folder / "control")

    def cpu_seconds(self) -> float | None:
        return self._process.cpu_seconds()

    def memory_kib(self) -> int:
        return self._process.memory_kib()

    def open_files(self) -> int:
        return self._process.open_files()

    def close(self) -> None:
        self._process.close()

    def _ports(self) -> dict[str, int]:
        give_up = time.monotonic() + _SECONDS_TO_START
        while time.monotonic() < give_up and not self._process.has_ended:
            said = self._process.log.read_text()
            if "\nready" in said:
                return {
                    name: int(port) for name, port in re.findall(r"^\s+(ssh|http|git)\s.*?:(\d+)\b", said, re.MULTILINE)
                }
            time.sleep(0.005)
        raise Unavailable(f"{self.name} did not start: {self._process.last_words()}")
