"""Clients that ask again and again."""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from benchmarks.doors import HttpDoor, WrongAnswer, read_response
from benchmarks.questions import LS_REMOTE

_CLIENTS: Final = 4


class AskedAgain(Protocol):
    """A door that can be asked for refs as `git ls-remote` does it."""

    def ls_remote(self, repository: str) -> None: ...


def per_second(ask: Callable[[threading.Event], int], seconds: float) -> float:
    """How often `ask`, run by four clients at once until the event is set, got its answer in a second."""
    over = threading.Event()
    counts: list[int] = []
    failures: list[BaseException] = []

    def client() -> None:
        try:
            counts.append(ask(over))
        except BaseException as failure:
            failures.append(failure)
            over.set()

    threads = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - began)


def again(door: AskedAgain, repository: str) -> Callable[[threading.Event], int]:
    """`git ls-remote`, with a connection for each."""

    def ask(over: threading.Event) -> int:
        count = 0
        while not over.is_set():
            door.ls_remote(repository)
            count += 1
        return count

    return ask


def advertisements(door: HttpDoor, repository: str) -> Callable[[threading.Event], int]:
    """The first request of every client, over connections that stay."""
    return _over_one_connection(door, door.advertisement(repository))


def ls_refs(door: HttpDoor, repository: str) -> Callable[[threading.Event], int]:
    """The second one."""
    return _over_one_connection(door, door.post(repository, "git-upload-pack", len(LS_REMOTE), stays=True) + LS_REMOTE)


def _over_one_connection(door: HttpDoor, request: bytes) -> Callable[[threading.Event], int]:
    def ask(over: threading.Event) -> int:
        count = 0
        while not over.is_set():
            count += _until_it_closes(door, request, over)
        return count

    return ask


def _until_it_closes(door: HttpDoor, request: bytes, over: threading.Event) -> int:
    """nginx, and gitgate, close a connection after a thousand requests."""
    count = 0
    with door.connect() as connection, connection.makefile("rb") as reader:
        try:
            while not over.is_set():
                connection.sendall(request)
                body = read_response(reader)
                if not body.endswith(b"0000"):
                    raise WrongAnswer("the answer is not all here")
                count += 1
        except (EOFError, ConnectionError):
            if not count:
                raise
    return count
