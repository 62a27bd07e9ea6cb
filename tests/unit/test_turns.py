"""Long work lets others have their turn, and short work waits for nobody."""

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from gitgate.turns import in_turns, parts_of


def working(parts: Sequence[str], clock: Clock, done: list[str]) -> "Deferred[None]":
    async def work() -> None:
        async for part in in_turns(parts, clock):
            done.append(part)

    return Deferred.fromCoroutine(work())


def test_others_come_between_the_parts_of_long_work() -> None:
    clock, done = Clock(), list[str]()
    clock.callLater(0, done.append, "somebody else")
    work = working(("first", "second", "third"), clock, done)
    assert done == ["first"]
    clock.callLater(0, done.append, "one more")
    clock.advance(0)
    assert done == ["first", "somebody else", "second", "one more", "third"]
    assert work.called


def test_work_of_one_part_or_none_waits_for_nobody() -> None:
    clock, done = Clock(), list[str]()
    assert working(("only",), clock, done).called
    assert working((), clock, done).called
    assert (done, clock.getDelayedCalls()) == (["only"], [])


def test_work_that_is_cancelled_ends_where_it_is() -> None:
    clock, done, outcome = Clock(), list[str](), list[object]()
    work = working(("first", "second"), clock, done)
    work.addErrback(lambda failure: outcome.append(failure.type))
    work.cancel()
    clock.advance(0)
    assert (done, outcome, clock.getDelayedCalls()) == (["first"], [CancelledError], [])


def test_a_long_list_has_its_items_in_parts_and_in_their_order() -> None:
    items = tuple(range(10_001))
    parts = list(parts_of(items))
    assert len(parts) > 2
    assert [item for part in parts for item in part] == list(items)
    assert list(parts_of(items[:300])) == [items[:300]]
    assert list(parts_of(())) == []
