"""The threads of a plugin, for hooks that mostly need none."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

#: How gitgate runs a call in the threads of the plugin that is being asked.
THREADS_OF_THE_ASKED: Final[ContextVar[Callable[[Callable[[], object]], Awaitable[object]]]] = ContextVar("threads")


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """What `function(*arguments)` returns, called in the plugin's own threads: there it may block, as a `def` hook may.

    For an `async def` hook that answers most questions from memory: a trip to a thread costs more than many an answer.
    Raises what the function raises. Where no server asks, as in a test that calls the hook itself, it is called here.
    """
    threads = THREADS_OF_THE_ASKED.get(None)
    if threads is None:
        return function(*arguments)
    return cast(T, await threads(lambda: function(*arguments)))
