"""A coroutine that waits for nothing costs no Deferred, and one that waits behaves as with Twisted alone."""

import gc
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from gitgate.at_once import Waiting, begin


def outcomes(coroutine: Coroutine[Any, Any, object]) -> list[object]:
    begun = begin(coroutine)
    assert isinstance(begun, Waiting)
    seen: list[object] = []
    begun.outcome.addCallbacks(seen.append, lambda failure: seen.append(repr(failure.value)))
    return seen


def test_what_waits_for_nothing_is_there_at_once() -> None:
    async def seven() -> int:
        return 7

    assert begin(seven()) == 7


def test_what_it_raises_is_raised_at_once() -> None:
    async def fails() -> None:
        raise LookupError("nobody")

    with pytest.raises(LookupError, match="nobody"):
        begin(fails())


def test_what_waits_gets_each_result_and_each_failure_where_it_waits() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()

    async def adds() -> str:
        begun = await first
        try:
            await second
        except ValueError as error:
            return f"{begun}, then {error}"
        return "no error"

    seen = outcomes(adds())
    first.callback(1)
    assert seen == []
    second.errback(ValueError("two"))
    assert seen == ["1, then two"]


def test_what_it_raises_after_it_has_waited_is_its_outcome() -> None:
    waits: Deferred[None] = Deferred()

    async def fails() -> None:
        await waits
        raise LookupError("nobody")

    seen = outcomes(fails())
    waits.callback(None)
    assert seen == ["LookupError('nobody')"]


def test_to_cancel_the_outcome_cancels_what_it_waits_for() -> None:
    cancelled: list[object] = []
    waits: Deferred[None] = Deferred(cancelled.append)

    async def tidies_up() -> str:
        try:
            await waits
        except CancelledError:
            return "tidied up"
        return "not cancelled"

    begun = begin(tidies_up())
    assert isinstance(begun, Waiting)
    seen: list[object] = []
    begun.outcome.addBoth(seen.append)
    begun.outcome.cancel()
    assert (cancelled, seen) == ([waits], ["tidied up"])


def test_what_nobody_waits_for_any_more_is_closed() -> None:
    closed: list[str] = []

    async def waits() -> None:
        try:
            await Deferred()
        finally:
            closed.append("closed")

    begun = begin(waits())
    del begun
    gc.collect()
    assert closed == ["closed"]


@pytest.mark.parametrize("fails", [False, True])
def test_what_it_sets_in_its_context_is_its_own_and_can_be_reset_after_it_has_waited(fails: bool) -> None:
    colour = ContextVar("colour", default="none")
    waits: Deferred[None] = Deferred()

    async def sets() -> str:
        before = colour.set("red")
        try:
            await waits
        except ValueError:
            return f"{colour.get()}, after an error"
        else:
            return colour.get()
        finally:
            colour.reset(before)

    seen = outcomes(sets())
    assert colour.get() == "none"
    if fails:
        waits.errback(ValueError("waited in vain"))
    else:
        waits.callback(None)
    assert (seen, colour.get()) == (["red, after an error" if fails else "red"], "none")
