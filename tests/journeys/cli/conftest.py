"""The command `gitgate` as people run it: a process in a folder, its lines, its exit code."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest


class Server:
    """`gitgate` with arguments that make it serve. `lines` is what it said until it was ready, or had ended."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, log_file: Path, environ: dict[str, str]) -> None:
        self.log_file = log_file
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gitgate", *arguments],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.lines = list(_until_ready(self.stdout))
        matches = [re.match(r"\s+(ssh|http|https|git)\s+(\S+://[^/\s]+)", line) for line in self.lines]
        self.urls = {match[1]: match[2] for match in matches if match}

    @property
    def stdout(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def end(self) -> int:
        """Waits for the end that comes by itself or was asked for."""
        return self.process.wait(timeout=30)


def _until_ready(stdout: IO[str]) -> Iterator[str]:
    for line in stdout:
        yield line.rstrip("\n")
        if line == "ready\n":
            return


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Somebody's environment, with a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsync",
        "GIT_CONFIG_VALUE_0": "none",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to stand in."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


Start = Callable[..., Server]


@pytest.fixture
def start(environ: dict[str, str], folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a server in `folder`; whatever still runs in the end is killed."""
    started: list[Server] = []

    def start_one(*arguments: str | Path, log_file: Path = tmp_path / "log", **more: str) -> Server:
        words = tuple(str(argument) for argument in arguments)
        started.append(Server(words, folder, log_file, {**environ, **more}))
        return started[-1]

    yield start_one
    for server in started:
        server.process.kill()
        server.process.wait()
        server.stdout.close()


@pytest.fixture
def gitgate(environ: dict[str, str], folder: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a command that ends by itself, in `folder`."""

    def run(*arguments: str | Path, given: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "gitgate", *(str(argument) for argument in arguments)],
            cwd=folder,
            env={**environ, **more},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Installs `Plugin`, the class in a source, under a name; returns the variable by which Python finds it."""
    folder = tmp_path / "installed"

    def installed(name: str, source: str) -> dict[str, str]:
        information = folder / f"{name}-1.dist-info"
        information.mkdir(parents=True)
        (folder / f"{name}.py").write_text(source)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (information / "entry_points.txt").write_text(f"[gitgate.plugins]\n{name} = {name}:Plugin\n")
        return {"PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}

    return installed


@pytest.fixture
def sh(environ: dict[str, str], tmp_path: Path) -> Callable[[str], "subprocess.CompletedProcess[str]"]:
    """Runs a line as somebody pastes it into a shell, in another folder."""
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-c", line], cwd=elsewhere, env=environ, capture_output=True, text=True, timeout=60
        )

    return run
