"""Clients that send what git sends, and throw away what comes.

git's own client would be most of what is measured: it indexes what it gets. Each door speaks protocol 2, as git does by
default, and raises `WrongAnswer` where the answer is not one.
"""

import base64
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from benchmarks.questions import FLUSH, LS_REMOTE, pkt

_READ_BYTES: Final = 2**18
_SECONDS: Final = 120.0
#: Of the beginning and the end of an answer so much is looked at.
_LOOKED_AT: Final = 512
#: A pkt-line begins with its length.
_HEAD_BYTES: Final = 4


class WrongAnswer(Exception):
    """The server did not do what it was asked for."""


@dataclass(slots=True)
class Answer:
    """Of what came, the length, the beginning and the end."""

    length: int = 0
    start: bytes = b""
    end: bytes = b""

    def add(self, data: memoryview) -> None:
        self.length += len(data)
        if len(self.start) < _LOOKED_AT:
            self.start += bytes(data[: _LOOKED_AT - len(self.start)])
        self.end = (self.end + bytes(data[-_LOOKED_AT:]))[-_LOOKED_AT:]

    def check(self, *, least: int, holds: bytes) -> None:
        if self.length < least or holds not in self.end:
            raise WrongAnswer(f"{self.length} bytes: {self.start[:200]!r} ... {self.end[-80:]!r}")


class Door(Protocol):
    """One way into one server."""

    def fetch(self, repository: str, request: bytes) -> Answer:
        """All that the server answers to one request of protocol 2, up to the end of the connection."""

    def push(self, repository: str, body: Path) -> Answer:
        """The same for a push of what `body` holds."""


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """http, with or without a user."""

    port: int
    user: str | None = None
    password: str = ""

    @property
    def headers(self) -> str:
        """The headers that each request has."""
        head = f"Host: 127.0.0.1:{self.port}\r\nUser-Agent: git/2.39.5\r\nAccept: */*\r\nGit-Protocol: version=2\r\n"
        if self.user is None:
            return head
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return f"{head}Authorization: Basic {basic}\r\n"

    def advertisement(self, repository: str) -> bytes:
        """The request with which everything begins."""
        return f"GET /{repository}/info/refs?service=git-upload-pack HTTP/1.1\r\n{self.headers}\r\n".encode()

    def post(self, repository: str, service: str, length: int, *, stays: bool) -> bytes:
        """The head of a request with a body."""
        end = "" if stays else "Connection: close\r\n"
        return (
            f"POST /{repository}/{service} HTTP/1.1\r\n{self.headers}{end}Content-Type: application/x-{service}-request"
            f"\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def connect(self) -> socket.socket:
        return _connect(self.port)

    def fetch(self, repository: str, request: bytes) -> Answer:
        with self.connect() as connection:
            connection.sendall(self.post(repository, "git-upload-pack", len(request), stays=False) + request)
            return _ok(_drained(connection))

    def push(self, repository: str, body: Path) -> Answer:
        with self.connect() as connection, body.open("rb") as file:
            connection.sendall(self.post(repository, "git-receive-pack", body.stat().st_size, stays=False))
            connection.sendfile(file)
            return _ok(_drained(connection))

    def ls_remote(self, repository: str) -> None:
        """The two requests of `git ls-remote`, over one connection."""
        with self.connect() as connection, connection.makefile("rb") as reader:
            connection.sendall(self.advertisement(repository))
            _take_response(reader)
            connection.sendall(self.post(repository, "git-upload-pack", len(LS_REMOTE), stays=True) + LS_REMOTE)
            _take_response(reader)


@dataclass(frozen=True, slots=True)
class GitDoor:
    """git://. `hangs_up`: the server closes the connection once it has answered, and does not wait for the client."""

    port: int
    hangs_up: bool = True

    def connect(self, service: str, repository: str) -> socket.socket:
        connection = _connect(self.port)
        extra = "\0version=2\0" if service == "git-upload-pack" else ""
        connection.sendall(pkt(f"{service} /{repository}\0host=127.0.0.1\0{extra}"))
        return connection

    def fetch(self, repository: str, request: bytes) -> Answer:
        if not self.hangs_up:
            return self._fetch_as_git(repository, request)
        # To look at each packet would be a good part of what is measured.
        with self.connect("git-upload-pack", repository) as connection:
            connection.sendall(request + FLUSH)
            return _drained(connection)

    def _fetch_as_git(self, repository: str, request: bytes) -> Answer:
        """It sends its request after the capabilities, and does not wait for the server to hang up."""
        with self.connect("git-upload-pack", repository) as connection:
            _up_to_flush(connection)
            connection.sendall(request)
            answer = _up_to_flush(connection)
            connection.sendall(FLUSH)
            return answer

    def push(self, repository: str, body: Path) -> Answer:
        with self.connect("git-receive-pack", repository) as connection, body.open("rb") as file:
            connection.sendfile(file)
            return _drained(connection)

    def ls_remote(self, repository: str) -> None:
        answer = self._fetch_as_git(repository, LS_REMOTE)
        answer.check(least=100, holds=FLUSH)


@dataclass(frozen=True, slots=True)
class SshDoor:
    """ssh, through OpenSSH's client. `base` is where the server sees the repositories: "" or a folder."""

    port: int
    user: str
    key: Path
    base: str
    control: Path

    @property
    def options(self) -> Sequence[str]:
        """What every `ssh` is told."""
        settings = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "UserKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "no",
            "LogLevel": "ERROR",
            "SendEnv": "GIT_PROTOCOL",
        }
        pairs = (part for key, value in settings.items() for part in ("-o", f"{key}={value}"))
        return ("-F", "/dev/null", "-p", str(self.port), *pairs)

    @contextmanager
    def logged_in(self) -> Iterator[None]:
        """Inside, `fetch` and `push` use one connection that is there already: the login has a row of its own."""
        command = ["ssh", *self.options, "-S", str(self.control), "-M", "-N", "-f", f"{self.user}@127.0.0.1"]
        subprocess.run(command, check=True, env=_environment(), timeout=_SECONDS, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            ending = ["ssh", "-S", str(self.control), "-O", "exit", "-q", "127.0.0.1"]
            subprocess.run(ending, check=False, env=_environment(), timeout=_SECONDS, capture_output=True)

    def fetch(self, repository: str, request: bytes) -> Answer:
        # Through a file, for ssh reads its input ahead, and nobody has to write.
        with as_file(request + FLUSH) as file:
            return self._run("git-upload-pack", repository, file)

    def push(self, repository: str, body: Path) -> Answer:
        with body.open("rb") as file:
            return self._run("git-receive-pack", repository, file.fileno())

    def ls_remote(self, repository: str) -> None:
        """The real command, login and all."""
        url = f"ssh://{self.user}@127.0.0.1:{self.port}{self.base}/{repository}"
        ssh = " ".join(["ssh", *self.options])
        environment = {**_environment(), "GIT_SSH_COMMAND": ssh}
        ran = subprocess.run(["git", "ls-remote", url], env=environment, capture_output=True, timeout=_SECONDS)
        if ran.returncode != 0 or b"\trefs/heads/main\n" not in ran.stdout:
            raise WrongAnswer(f"git ls-remote {url} ended with {ran.returncode}: {ran.stderr!r}")

    def _run(self, service: str, repository: str, stdin: int) -> Answer:
        protocol = {"GIT_PROTOCOL": "version=2"} if service == "git-upload-pack" else {}
        command = f"{service} '{self.base}/{repository}'"
        return piped(
            ["ssh", *self.options, "-S", str(self.control), f"{self.user}@127.0.0.1", command],
            stdin,
            {**_environment(), **protocol},
        )


def piped(command: Sequence[str], stdin: int, environment: Mapping[str, str]) -> Answer:
    """What a command prints. Raises `WrongAnswer` where it fails."""
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        answer = Answer()
        buffer = bytearray(_READ_BYTES)
        view = memoryview(buffer)
        while count := os.readv(process.stdout.fileno(), [buffer]):
            answer.add(view[:count])
    if process.returncode != 0:
        raise WrongAnswer(f"{command[0]} ended with {process.returncode}: {answer.end!r}")
    return answer


def read_response(reader: "ReadFile") -> bytes:
    """The body of one response of a connection that stays. Raises `WrongAnswer`, and EOFError at the end of it."""
    status = reader.readline()
    if not status:
        raise EOFError
    length: int | None = None
    while (line := reader.readline().rstrip(b"\r\n")) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if b" 200 " not in status:
        raise WrongAnswer(status.decode(errors="replace"))
    if length is not None:
        return reader.read(length)
    body = b""
    while size := int(reader.readline(), 16):
        body += reader.read(size + 2)[:-2]
    reader.readline()
    return body


class ReadFile(Protocol):
    """A socket's bytes."""

    def readline(self) -> bytes: ...
    def read(self, count: int, /) -> bytes: ...


def _take_response(reader: ReadFile) -> None:
    if not read_response(reader).endswith(FLUSH):
        raise WrongAnswer("the answer is not all here")


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _drained(connection: socket.socket) -> Answer:
    answer = Answer()
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    while count := connection.recv_into(buffer):
        answer.add(view[:count])
    return answer


class _Packets:
    """Pkt-lines as they come. What looks like a flush packet in the middle of one is none: dates of commits do."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    def end_in(self, data: memoryview) -> bool:
        """Whether `data`, which comes next, holds a flush packet."""
        position = 0
        while position < len(data):
            if self._left:
                passed = min(self._left, len(data) - position)
                self._left -= passed
            else:
                passed = _HEAD_BYTES - len(self._head)
                self._head += bytes(data[position : position + passed])
                if len(self._head) == _HEAD_BYTES:
                    length, self._head = int(self._head, 16), b""
                    if length == 0:
                        return True
                    self._left = max(0, length - _HEAD_BYTES)
            position += passed
        return False


def _up_to_flush(connection: socket.socket) -> Answer:
    """What comes up to a flush packet."""
    answer = Answer()
    packets = _Packets()
    buffer = bytearray(_READ_BYTES)
    view = memoryview(buffer)
    while count := connection.recv_into(buffer):
        answer.add(view[:count])
        if packets.end_in(view[:count]):
            break
    return answer


def _ok(answer: Answer) -> Answer:
    if not re.match(rb"HTTP/1\.[01] 200 ", answer.start):
        raise WrongAnswer(answer.start.decode(errors="replace"))
    return answer


@contextmanager
def as_file(data: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("request")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
