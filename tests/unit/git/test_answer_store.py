"""The bytes of an answer, in memory or in a file, and the room that they take."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitgate.git.answer_store import AnswerStore, Budget, NoRoom


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may be longer than 10 kB: what is written behind that fails, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("first", [60_000, 70_000])
def test_what_a_full_disk_does_not_take_costs_no_room_and_no_descriptor(tmp_path: Path, first: int) -> None:
    """Each answer that found the disk full would leave less room for all the others, and in the end none; and a file
    that is open until nobody can connect any more. What was there before, in memory or in a file, is still there.
    """
    budget = Budget(10**6, lambda: False)
    store = AnswerStore(budget, tmp_path)
    said = os.urandom(first + 10_000)
    store.append(said[:first])
    before = descriptors()
    with full_disk():
        for _ in range(3):
            with pytest.raises(NoRoom):
                store.append(said[first:])
    assert (budget.used, store.length, descriptors()) == (first, first, before)
    store.append(said[first:])
    assert store.read(0, 10**6) == said
    store.close()
    assert budget.used == 0
