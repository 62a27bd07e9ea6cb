"""The connections of all doors together: who comes in, who is turned away, and the end of them all.

a client connects    admit()     one look, before anything is made for it
it is in             add()       a startup: it has shown nothing yet
it may stay          let_in()    it has logged in (ssh), or its first request was decided (http, git://)
it misbehaves        blame()     its source pays for it, at the next admit()
it is gone           discard()   who goes while still a startup, pays a little too
"""

import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from gitgate.config.model import Limits
from gitgate.config.source_limits import MaxStartups
from gitgate.plugin import Peer, Transport
from gitgate.reactor import Clock
from gitgate.source import Source, Sources
from gitgate.transports.penalties import Offence, Penalties

_log = logging.getLogger(__name__)

#: Who is turned away is told in the log, but not each time: whoever floods would fill the disk as well.
_SECONDS_BETWEEN_LINES: Final = 60.0


class Connection(Protocol):
    """What can be closed at once (Twisted's ITCPTransport)."""

    def abortConnection(self) -> None:  # noqa: N802
        """Close, and let what was not sent be lost."""

    def getPeer(self) -> IAddress:  # noqa: N802
        """Where it comes from."""


class TurnedAway(Enum):
    """Why a client does not come in, in words for it."""

    FULL = "too busy, try again later"
    SOURCE = "too many connections or failures from your address, try again later"


@dataclass(slots=True)
class _Visit:
    """`source` is None where it is exempt; such a visit is never a startup."""

    source: Source | None
    is_startup: bool


class Connections:
    """Those that are open now. A door asks `admit` about each client, adds it, and says what becomes of it.

    `chance` gives numbers from 0 up to 1.
    """

    def __init__(self, limits: Limits, clock: Clock, *, chance: Callable[[], float] = random.random) -> None:
        self._limits = limits
        self._clock = clock
        self._chance = chance
        self._sources = Sources(limits.per_source_net_block_size, limits.per_source_exempt)
        self._penalties = Penalties(limits.per_source_penalties, clock)
        self._open: dict[Connection, _Visit] = {}
        self._startups = 0
        self._of_source: Counter[Source] = Counter()
        self._untold = 0
        self._told_at: float | None = None

    def admit(self, address: IAddress | None) -> TurnedAway | None:
        """None for a client that comes in."""
        source = self._sources.of(host_of(address))
        limits = self._limits
        if len(self._open) >= limits.max_connections:
            return self._turn_away(TurnedAway.FULL, source, "limits.max_connections")
        if source is None:
            return None
        if self._penalties.holds(source):
            return self._turn_away(TurnedAway.SOURCE, source, "limits.per_source_penalties")
        if self._of_source[source] >= limits.per_source_max_connections:
            return self._turn_away(TurnedAway.SOURCE, source, "limits.per_source_max_connections")
        if self._chance() * 100 < percent_turned_away(self._startups, limits.max_startups):
            return self._turn_away(TurnedAway.FULL, source, "limits.max_startups")
        return None

    def add(self, connection: Connection) -> None:
        """A client that was admitted has come in."""
        source = self._sources.of(host_of(connection.getPeer()))
        self._open[connection] = _Visit(source, is_startup=source is not None)
        if source is not None:
            self._startups += 1
            self._of_source[source] += 1

    def let_in(self, connection: Connection) -> None:
        """It has shown what it wants, and was given an answer."""
        visit = self._open.get(connection)
        if visit is not None and visit.is_startup:
            visit.is_startup = False
            self._startups -= 1

    def blame(self, peer: Peer, offence: Offence) -> None:
        """Let the source of `peer` pay for what was done."""
        source = self._sources.of(peer.address)
        if source is not None:
            self._penalties.add(source, offence)

    def discard(self, connection: Connection) -> None:
        """One was closed."""
        visit = self._open.pop(connection, None)
        if visit is None or visit.source is None:
            return
        self._of_source[visit.source] -= 1
        if not self._of_source[visit.source]:
            del self._of_source[visit.source]
        if visit.is_startup:
            self._startups -= 1
            self._penalties.add(visit.source, Offence.NO_LOGIN)

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def abort(self) -> None:
        """Close them all, now."""
        for connection in list(self._open):
            connection.abortConnection()

    def _turn_away(self, why: TurnedAway, source: Source | None, limit: str) -> TurnedAway:
        now = self._clock.seconds()
        if self._told_at is not None and now - self._told_at < _SECONDS_BETWEEN_LINES:
            self._untold += 1
            return why
        _log.warning(
            "turned away: a connection from %s, for %s; %d are open, %d of them without a login%s",
            source or "an exempt address",
            limit,
            len(self._open),
            self._startups,
            f"; {self._untold} more were turned away since this was last said" if self._untold else "",
        )
        self._told_at, self._untold = now, 0
        return why


def percent_turned_away(startups: int, limit: MaxStartups) -> float:
    """How many of a hundred new connections are turned away while `startups` wait (sshd_config(5), MaxStartups).

    Random early drop: whoever fills all places with connections that do nothing still leaves others a chance, and
    cannot know which.
    """
    if startups < limit.start:
        return 0.0
    if startups >= limit.full:
        return 100.0
    return limit.rate + (100 - limit.rate) * (startups - limit.start) / (limit.full - limit.start)


def peer_at(transport: Transport, address: IAddress) -> Peer:
    """The peer at a Twisted address; a unix socket has none."""
    encrypted = transport in (Transport.SSH, Transport.HTTPS)
    port = address.port if isinstance(address, IPv4Address | IPv6Address) else 0
    return Peer(transport=transport, address=host_of(address), port=port, encrypted=encrypted)


def host_of(address: IAddress | None) -> str:
    """The IP address at a Twisted address, as people write it; "" for a unix socket."""
    if not isinstance(address, IPv4Address | IPv6Address):
        return ""
    host: str = address.host
    # An IPv4 client of a socket that listens on "::" shows as ::ffff:192.0.2.7.
    return host.removeprefix("::ffff:") if "." in host else host
