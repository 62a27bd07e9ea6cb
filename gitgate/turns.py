"""Long work in parts, between which others have their turn: nobody is served while the reactor works for somebody."""

from twisted.internet.defer import Deferred

from gitgate.reactor import Clock


def others(clock: Clock) -> "Deferred[None]":
    """Fires in the next turn of the reactor: whoever waits now is served before."""
    turn: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.callLater(0, turn.callback, None)
    return turn
