"""Whose password is judged now: a few at once from one source."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

from twisted.internet.defer import Deferred, DeferredSemaphore

from gitgate.config.model import Limits
from gitgate.deadline import DeadlineOver, within
from gitgate.plugin import Credentials, Peer, PublicKey
from gitgate.reactor import Clock
from gitgate.refusals import Overloaded
from gitgate.source import Source, Sources

#: A plugin has twice as many threads, and some more places to wait for one of them. A source may have a hundred
#: connections; with a guess on each, it alone would take all of these, and nobody else could log in.
_AT_ONCE: Final = 4


class LoginTurns:
    """Turns for logins by password or token. Keys have none: to know one takes no time, and guessing does not help."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._wait_seconds = float(limits.operation_wait)
        self._sources = Sources(limits.per_source_net_block_size, limits.per_source_exempt)
        self._turns: dict[Source, tuple[DeferredSemaphore, int]] = {}

    @asynccontextmanager
    async def turn(self, credentials: Credentials, peer: Peer) -> AsyncIterator[None]:
        """A turn for the time of the `async with`. Raises `Overloaded` where it does not come in time."""
        source = None if isinstance(credentials, PublicKey) else self._sources.of(peer.address)
        if source is None:
            yield
            return
        turns, users = self._turns.get(source, (DeferredSemaphore(_AT_ONCE), 0))
        self._turns[source] = turns, users + 1
        try:
            await self._acquire(turns)
            try:
                yield
            finally:
                turns.release()
        finally:
            turns, users = self._turns.pop(source)
            if users > 1:
                self._turns[source] = turns, users - 1

    async def _acquire(self, turns: DeferredSemaphore) -> None:
        try:
            await within(self._wait_seconds, cast("Deferred[object]", turns.acquire()), self._clock)
        except DeadlineOver:
            raise Overloaded(f"{_AT_ONCE} logins of this source are judged, and none ended in time") from None
