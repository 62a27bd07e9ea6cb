"""Long work in parts, between which others have their turn: nobody is served while the reactor works for somebody."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from twisted.internet.defer import Deferred

from gitgate.reactor import Clock

T = TypeVar("T")

#: Refs of a push at a time: some milliseconds, whatever is done with each. All that git's clients push at once, but for
#: the mirrors of large repositories, is one part.
_REFS_AT_ONCE: Final = 2000


def others(clock: Clock) -> "Deferred[None]":
    """Fires in the next turn of the reactor: whoever waits now is served before."""
    turn: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.callLater(0, turn.callback, None)
    return turn


def parts_of(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in parts that are short enough for one turn; none where there are no items."""
    return (items[start : start + _REFS_AT_ONCE] for start in range(0, len(items), _REFS_AT_ONCE))


async def in_turns(parts: Iterable[T], clock: Clock) -> AsyncIterator[T]:
    """Each of `parts`; others come between. With a single one, nobody waits."""
    is_first = True
    for part in parts:
        if not is_first:
            await others(clock)
        is_first = False
        yield part
