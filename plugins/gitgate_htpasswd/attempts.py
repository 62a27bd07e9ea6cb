"""Passwords that are being verified now, each of them once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

from gitgate_htpasswd.table import Entry

T = TypeVar("T")

#: A user name, a password, and the line of the file that they meet; None where there is none for this user.
Attempt: TypeAlias = tuple[str, bytes, Entry | None]


class Attempts:
    """Lets equal attempts that are made at the same time share one verification; remembers none. Safe among threads.

    The name is a part of them, although what a verification says does not depend on it: unknown users have one hash in
    common (`UserTable.spend_the_time_of_a_login`). Could they share it, a password for many names at once would cost
    less the more of the names are unknown, and that can be measured.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Attempt, Future[Any]] = {}

    def share(self, attempt: Attempt, verify: Callable[[], T]) -> T:
        """What `verify` returns or raises, called in this thread or, if one is at the same attempt already, in that.

        A thread cannot be cancelled: who comes second gets an answer, whatever becomes of the client that came first.
        """
        mine: Future[Any] = Future()
        with self._lock:
            under_way = self._under_way.setdefault(attempt, mine)
        if under_way is not mine:
            outcome: T = under_way.result()
            return outcome
        try:
            outcome = verify()
        except BaseException as error:
            self._end(attempt).set_exception(error)
            raise
        self._end(attempt).set_result(outcome)
        return outcome

    def _end(self, attempt: Attempt) -> Future[Any]:
        with self._lock:
            return self._under_way.pop(attempt)
