"""For whom git may run now: for a few at once, and a few more wait for their turn, shortly.

Somebody who asks for more than their share waits for themselves: a turn is taken first where it is narrowest, for the
source and the identity, then for the repository, and last for the server. Since everybody takes them in this order,
nobody waits for somebody who waits for them.
"""

from collections import Counter, deque
from collections.abc import Hashable
from typing import Final

from twisted.internet.defer import Deferred

from gitgate.config.model import Limits
from gitgate.deadline import DeadlineOver, within
from gitgate.plugin import GitRequest, Identity, Peer, Repository
from gitgate.reactor import Reactor
from gitgate.refusals import Overloaded
from gitgate.source import Sources

#: Everything has one key where a limit is for the whole server.
_SERVER: Final = "server"


class Turnstile:
    """Lets `most` through at once for each key, and the others in the order in which they came."""

    def __init__(self, reactor: Reactor, limits: Limits, name: str) -> None:
        """`name` is that of one of `limits`."""
        self._reactor = reactor
        self._name = f"limits.{name}"
        self._most: int = getattr(limits, name)
        self._inside: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[Deferred[None]]] = {}

    def passes(self, key: Hashable) -> bool:
        """It is this one's turn now, which ends with `leave`; False where it has to wait."""
        if self._inside[key] >= self._most:
            return False
        self._inside[key] += 1
        return True

    async def wait(self, key: Hashable, until: float) -> None:
        """Returns when it is this one's turn. Raises `Overloaded` where there is none up to the time `until`."""
        queue = self._waiting.setdefault(key, deque())
        if len(queue) >= self._most:
            raise Overloaded(f"{self._most} run and as many wait, the most that {self._name} allows")
        turn: Deferred[None] = Deferred()
        queue.append(turn)
        try:
            await within(max(0.0, until - self._reactor.seconds()), turn, self._reactor)
        except DeadlineOver:
            raise Overloaded(f"{self._most} run, the most that {self._name} allows, and none ended in time") from None
        finally:
            queue.remove(turn)
            if not queue:
                del self._waiting[key]

    def leave(self, key: Hashable) -> None:
        """The turn is over, and somebody else's."""
        for turn in self._waiting.get(key, ()):
            if not turn.called:
                turn.callback(None)
                return
        self._inside[key] -= 1
        if not self._inside[key]:
            del self._inside[key]


class Turn:
    """Somebody's turn; it ends with the `with` statement around it, or with `close`."""

    def __init__(self) -> None:
        self._places: list[tuple[Turnstile, Hashable]] = []

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def takes(self, turnstile: Turnstile, key: Hashable) -> None:
        """It is one there, too."""
        self._places.append((turnstile, key))

    def close(self) -> None:
        """It is over; once is enough."""
        while self._places:
            turnstile, key = self._places.pop()
            turnstile.leave(key)


class Admission:
    """All turnstiles of a server."""

    def __init__(self, reactor: Reactor, limits: Limits) -> None:
        self._reactor = reactor
        self._wait_seconds = float(limits.operation_wait)
        self._sources = Sources(limits.per_source_net_block_size, limits.per_source_exempt)
        self._by_source = Turnstile(reactor, limits, "max_operations_per_source")
        self._by_identity = Turnstile(reactor, limits, "max_operations_per_identity")
        self._by_repository = Turnstile(reactor, limits, "max_operations_per_repository")
        self._all = Turnstile(reactor, limits, "max_operations")
        self._clones_by_source = Turnstile(reactor, limits, "max_clones_per_source")
        self._clones = Turnstile(reactor, limits, "max_clones")

    async def begin(self, request: GitRequest, repository: Repository, identity: Identity) -> Turn:
        """The turn of one request, when it has come. Raises `Overloaded`."""
        return await self._turn(
            *self._at(self._by_source, request.peer),
            *(() if identity.is_anonymous else ((self._by_identity, identity.name),)),
            (self._by_repository, repository.directory),
            (self._all, _SERVER),
        )

    async def begin_clone(self, peer: Peer) -> Turn:
        """A turn besides that of the request, for packing a whole history. Raises `Overloaded`."""
        return await self._turn(*self._at(self._clones_by_source, peer), (self._clones, _SERVER))

    def _at(self, turnstile: Turnstile, peer: Peer) -> tuple[tuple[Turnstile, Hashable], ...]:
        """What a source has to pass there; nothing, where it is no one's."""
        source = self._sources.of(peer.address)
        return () if source is None else ((turnstile, source),)

    async def _turn(self, *places: tuple[Turnstile, Hashable]) -> Turn:
        until = self._reactor.seconds() + self._wait_seconds
        turn = Turn()
        try:
            for turnstile, key in places:
                if not turnstile.passes(key):
                    await turnstile.wait(key, until)
                turn.takes(turnstile, key)
        except BaseException:
            turn.close()
            raise
        return turn
