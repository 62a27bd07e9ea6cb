"""The ssh keys that a client has offered in vain: one record for all of them, where no login follows."""

from dataclasses import dataclass
from typing import Final

from gitgate.audit import Audit, AuditEntry
from gitgate.plugin import Peer
from gitgate.refusals import CredentialsRefused, Refusal

#: How many keys the record tells of. An agent may hold twenty, and one line is read by people.
_MOST_TOLD: Final = 4


@dataclass(frozen=True, slots=True)
class _RefusedKey:
    username: str | None
    fingerprint: str
    refusal: Refusal

    @property
    def weight(self) -> int:
        """How much its refusal says of why nobody could log in: an outage, a plugin's own words, or nothing."""
        if not isinstance(self.refusal, CredentialsRefused):
            return 2
        return 1 if self.refusal.plugin is not None else 0

    def __str__(self) -> str:
        reason = self.refusal.reason
        return reason if self.fingerprint in reason else f"{self.fingerprint}: {reason}"


class RefusedKeys:
    """Those of one connection.

    A client asks about one key after the other until one will do, and signs with none that will not. So each no is
    part of every login, and the last one is all that is seen of a login that failed.
    """

    def __init__(self, audit: Audit, peer: Peer) -> None:
        self._audit = audit
        self._peer = peer
        self._entry: AuditEntry | None = None
        self._keys: list[_RefusedKey] = []
        self._untold = 0

    def add(self, username: str | None, fingerprint: str, refusal: Refusal, request_id: str) -> None:
        """A question was answered with no. `username` is None where it was none. Clients know the id of an outage."""
        key = _RefusedKey(username, fingerprint, refusal)
        if self._entry is None or key.weight > max(known.weight for known in self._keys):
            self._entry = self._audit.begin(request_id, self._peer)
            self._keys.insert(0, key)
        else:
            self._keys.append(key)
        if len(self._keys) > _MOST_TOLD:
            self._keys.pop()
            self._untold += 1

    def forget(self) -> None:
        """Somebody has logged in."""
        self._entry = None
        self._keys.clear()

    def record(self) -> None:
        """Nobody has logged in, and nobody will: write the record, if a key was refused."""
        if self._entry is None:
            return
        first = self._keys[0]
        reason = "; ".join(map(str, self._keys)) + (f"; and {self._untold} more keys" if self._untold else "")
        self._entry.offered_keys(first.username, first.fingerprint)
        self._entry.refused(first.refusal, reason)
        self._entry.close()
        self.forget()
