"""Exactly one AuditRecord for each operation, however it ends."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from twisted.internet.defer import CancelledError

from gitgate.git.process import GitExit
from gitgate.login import METHODS, Login
from gitgate.plugin import (
    AuditRecord,
    BearerToken,
    Credentials,
    GitRequest,
    Peer,
    PublicKey,
    RefChange,
    RefUpdate,
    Repository,
    Verdict,
)
from gitgate.reactor import Clock
from gitgate.refusals import Refusal
from gitgate.turns import others, parts_of
from gitgate.wire.printable import printable

_log = logging.getLogger(__name__)

#: Of the refs that git has refused, in a line of the log.
_MOST_REFS_TOLD: Final = 3
#: Of a ref's name, and of what git says of it, in characters.
_LONGEST_TOLD: Final = 200


@dataclass(frozen=True, slots=True)
class Audit:
    """Opens the entry of an operation. `written` is given each record once; `now` tells the time of day.

    `why_cut_off` says why clients are cut off just now, where it is not they who go.
    """

    clock: Clock
    written: Callable[[AuditRecord], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    why_cut_off: Callable[[], str] = lambda: "the client went away"

    def begin(self, request_id: str, peer: Peer) -> "AuditEntry":
        """The entry of an operation that starts now."""
        return AuditEntry(self, request_id, peer)


class AuditEntry:
    """The record of an operation while it grows. Until told otherwise it says that the server failed."""

    def __init__(self, audit: Audit, request_id: str, peer: Peer) -> None:
        self._audit = audit
        self._began = audit.clock.seconds()
        # A record is made once, at the end.
        self._facts: dict[str, Any] = {
            "time": audit.now(),
            "request_id": request_id,
            "peer": peer,
            "verdict": Verdict.FAILED,
            "reason": "gitgate itself failed",
        }

    def attempted(self, credentials: Credentials) -> None:
        """What was presented at a login that failed."""
        self._facts.update(
            username=None if isinstance(credentials, BearerToken) else credentials.username,
            method=METHODS[type(credentials)],
            fingerprint=credentials.fingerprint if isinstance(credentials, PublicKey) else None,
        )

    def offered_keys(self, username: str | None, fingerprint: str) -> None:
        """The keys of a client that could not log in; `fingerprint` is that of the one that tells most."""
        self._facts.update(username=username, method=METHODS[PublicKey], fingerprint=fingerprint)

    def login(self, login: Login) -> None:
        """Who it is, and how that is known."""
        self._facts.update(
            identity=login.identity,
            method=login.method,
            authenticated_by=login.plugin,
            fingerprint=login.fingerprint,
        )

    def request(self, request: GitRequest) -> None:
        """What the client asks for."""
        self._facts.update(
            path=request.path, service=request.service, protocol=request.protocol, updates=request.updates
        )

    def repository(self, repository: Repository) -> None:
        """Where the path leads."""
        self._facts.update(repository=repository.name)

    def decided(self, plugin: str, reason: str) -> None:
        """A plugin has allowed it."""
        self._facts.update(plugin=plugin, reason=reason)

    def completed(self, git: GitExit) -> None:
        """It has been served to its end, by git or by a refusal."""
        updates: tuple[RefUpdate, ...] = self._facts.get("updates", ())
        self._facts.update(
            verdict=Verdict.COMPLETED,
            bytes_in=git.bytes_in,
            bytes_out=git.bytes_out,
            bytes_kept=git.bytes_kept,
            exit_code=git.code if git.saw_request else None,
            refused=git.refused,
        )
        if git.refusal is not None:
            self.refused(git.refusal)
        elif git.silent:
            self._aborted("no byte had moved for the whole of limits.idle_deadline")
        elif git.abandoned and (git.code != 0 or all(update.ref in git.refused for update in updates)):
            self.aborted()
        elif git.abandoned:
            # Refs have moved: the client had sent everything.
            self._facts["reason"] += f"; {self._audit.why_cut_off()} before the client knew"

    async def rewound(self, git: GitExit) -> None:
        """Some of its refs were moved to where not all of their commits are, or were to be. It cannot be cancelled."""
        updates: list[RefUpdate] = []
        # Where the client is gone, the server may be stopping: it has cut off this client, and waits no longer.
        is_in_haste = git.abandoned
        for some in parts_of(self._facts["updates"]):
            if updates and not is_in_haste:
                try:
                    await others(self._audit.clock)
                except CancelledError:
                    is_in_haste = True  # git has ended, and whoever goes away now, or stops the server, changes nothing
            updates += (
                replace(update, change=RefChange.REWIND)
                if update.change is RefChange.UPDATE and update.ref in git.rewound
                else update
                for update in some
            )
        self._facts["updates"] = tuple(updates)

    def created(self, plugin: str, reason: str) -> None:
        """The repository was made for this, as a plugin allowed."""
        self._facts.update(created=f"{plugin}: {reason}")

    def listed(self, count: int) -> None:
        """Repositories were listed, and nothing else was asked for."""
        self._facts.update(verdict=Verdict.COMPLETED, reason=f"repositories listed: {count}")

    def aborted(self) -> None:
        """The client went away, or was cut off."""
        self._aborted(self._audit.why_cut_off())

    def refused(self, refusal: Refusal, reason: str | None = None) -> None:
        """It was refused; for `reason`, where there is more to say than the refusal does."""
        self._facts.update(verdict=refusal.verdict, reason=reason or refusal.reason, plugin=refusal.plugin)

    def _aborted(self, reason: str) -> None:
        self._facts.update(verdict=Verdict.ABORTED, reason=reason, plugin=None)

    def close(self) -> None:
        """Write the record."""
        record = AuditRecord(**self._facts, duration_seconds=self._audit.clock.seconds() - self._began)
        _log.info("%s", describe(record))
        self._audit.written(record)


def describe(record: AuditRecord) -> str:
    """One readable line for the log: who asked for what, what became of it and why, and the request's id."""
    who = record.identity.name if record.identity else repr(record.username) if record.username else "nobody"
    if record.service is not None:
        what = f"{record.service.value} {record.path}"
    else:
        what = "request"
        if record.method and record.identity is None:
            what = "login by key" if record.method == METHODS[PublicKey] else "login"
    decided = f"{record.plugin}: {record.reason}" if record.plugin else record.reason
    figures = ""
    if record.exit_code is not None:
        figures = f" exit {record.exit_code}, {record.bytes_in} B in, {record.bytes_out} B out,"
    if record.refused:
        figures = f" git refused {len(record.refused)} of {len(record.updates)} refs ({_words(record)}),{figures}"
    return (
        f"{record.peer.transport.value} {record.peer.address or 'local'} {printable(who)} {printable(what)}: "
        f"{record.verdict.value} ({printable(decided)}){figures} {record.duration_seconds:.3f} s [{record.request_id}]"
    )


def _words(record: AuditRecord) -> str:
    """git's own, for a few of the refs that it has refused; the audit record has those for all."""
    told = [
        f"{printable(ref, _LONGEST_TOLD)}: {printable(words, _LONGEST_TOLD)}"
        for ref, words in islice(record.refused.items(), _MOST_REFS_TOLD)
    ]
    return "; ".join([*told, *(["..."] if len(record.refused) > _MOST_REFS_TOLD else [])])
