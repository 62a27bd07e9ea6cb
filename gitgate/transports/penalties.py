"""What sources have to pay for bad behaviour: they are turned away for a while (sshd's PerSourcePenalties).

Nothing here knows a user: whoever guesses somebody's password shuts out the own address, and never that account.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gitgate.config.source_limits import SourcePenalties
from gitgate.reactor import Clock
from gitgate.source import Source

_log = logging.getLogger(__name__)

#: How many sources of IPv4, and how many of IPv6, are remembered. Measured, they take 7 MiB together. Whoever has a
#: /48 has 65,536 sources, and must not push out those of the other kind.
MOST_SOURCES: Final = 16_384


class Offence(Enum):
    """What tells against a source. The values are the keys of `limits.per_source_penalties`."""

    LOGIN_REFUSED = "authfail"
    NO_LOGIN = "noauth"
    NO_LOGIN_IN_TIME = "grace_exceeded"
    MALFORMED = "malformed"


@dataclass(slots=True)
class _Penalty:
    ends_at: float
    is_enforced: bool = False


class Penalties:
    """The sources that behaved badly, and until when it counts.

    Each offence adds its seconds, and time takes them off. Where the sum reaches `min`, the source is turned away until
    nothing is left of it. The sources that offended longest ago are forgotten first where there are too many.
    """

    def __init__(self, settings: SourcePenalties, clock: Clock) -> None:
        self._seconds: Mapping[Offence, float] = {offence: getattr(settings, offence.value) for offence in Offence}
        self._least = float(settings.min)
        self._most = float(settings.max)
        self._clock = clock
        self._of_ipv4: OrderedDict[Source, _Penalty] = OrderedDict()
        self._of_ipv6: OrderedDict[Source, _Penalty] = OrderedDict()

    def add(self, source: Source, offence: Offence) -> None:
        """`source` did this."""
        now = self._clock.seconds()
        table = self._table(source)
        penalty = table.pop(source, None)
        if penalty is None or penalty.ends_at <= now:
            penalty = _Penalty(now)
        penalty.ends_at = min(penalty.ends_at + self._seconds[offence], now + self._most)
        if not penalty.is_enforced and penalty.ends_at - now >= self._least:
            penalty.is_enforced = True
            _log.info("%s: turned away for %.0f s or more (%s)", source, penalty.ends_at - now, offence.value)
        table[source] = penalty
        if len(table) > MOST_SOURCES:
            table.popitem(last=False)

    def holds(self, source: Source) -> bool:
        """Whether `source` is to be turned away now."""
        table = self._table(source)
        penalty = table.get(source)
        if penalty is None:
            return False
        if penalty.ends_at <= self._clock.seconds():
            del table[source]
            return False
        return penalty.is_enforced

    def _table(self, source: Source) -> OrderedDict[Source, _Penalty]:
        return self._of_ipv6 if ":" in source else self._of_ipv4
