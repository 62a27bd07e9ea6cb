"""Answers that are used again for a while, each of them asked for once, however many threads want it."""

import hmac
import secrets
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from cachetools import TLRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class AnswerCache(Generic[K, V]):
    """At most `most` answers, each kept for as many seconds as `ttl` says of it; the least used make room first.

    What raises is not kept. `clock` only rises.
    """

    def __init__(self, *, ttl: Callable[[V], float], most: int, clock: Callable[[], float]) -> None:
        self._answers: TLRUCache[K, tuple[V]] = TLRUCache(
            most, ttu=lambda _key, answer, now: now + ttl(answer[0]), timer=clock
        )
        self._asking: dict[K, Future[V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K, ask: Callable[[], V]) -> tuple[V, bool]:
        """The answer, and whether it was kept. Threads that want the same at the same time wait for one of them."""
        with self._lock:
            if (kept := self._answers.get(key)) is not None:
                return kept[0], True
            asking = self._asking.get(key)
            if asking is None:
                mine = self._asking[key] = Future[V]()
        if asking is not None:
            return asking.result(), True
        try:
            answer = ask()
        except BaseException as error:
            with self._lock:
                del self._asking[key]
            mine.set_exception(error)
            raise
        with self._lock:
            self._answers[key] = (answer,)
            del self._asking[key]
        mine.set_result(answer)
        return answer, False

    def kept(self, key: K) -> tuple[V] | None:
        """The answer, where there is one and it is not over."""
        with self._lock:
            return self._answers.get(key)

    def put(self, key: K, answer: V) -> None:
        """Keep an answer that came another way."""
        with self._lock:
            self._answers[key] = (answer,)


class CredentialKeys:
    """Keys that stand for a name and a password in a cache, where the password itself must not lie.

    Without this process's secret, a dump of them cannot even be searched for a guessed password.
    """

    def __init__(self) -> None:
        self._secret: Final = secrets.token_bytes(32)

    def key(self, username: str, password: str) -> bytes:
        """The same for the same two texts, and for no others."""
        name = username.encode()
        return hmac.digest(self._secret, len(name).to_bytes(8, "big") + name + password.encode(), "sha256")
