"""Calls a plugin's hook as a test, not as a server."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def answered(hook: Coroutine[Any, Any, T]) -> T:
    """What an `async def` hook answers that waits for nothing but its own threads, which here are the test's."""
    try:
        hook.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    raise AssertionError("the hook waits for something")
