"""The record of one operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from gitgate.plugin.values import Identity, Peer, RefUpdate, Service


class Verdict(Enum):
    """How an operation ended."""

    COMPLETED = "completed"
    """git ran to its end, and its exit code tells how that went; or what can be reached was listed."""
    CHALLENGED = "challenged"
    """Nobody was logged in, and a login may help."""
    REJECTED = "rejected"
    """The credentials were refused."""
    MISSING = "missing"
    DENIED = "denied"
    MALFORMED = "malformed"
    OVERLOADED = "overloaded"
    FAILED = "failed"
    """A plugin or the server itself failed."""
    ABORTED = "aborted"
    """The client went away, was silent for too long, or was cut off as the server stopped, before git had ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """What happened in one operation, allowed or refused: one login, one service on one repository, or one list
    of what somebody can reach.

    A field is None where the operation ended before it was known. `username` is the name that was typed at a login that
    failed; nothing has shown that it is this person. `method` is "password", "publickey", "bearer" or
    "anonymous", `authenticated_by` the instance name of the plugin that said who it is, and `fingerprint` the key's.
    `plugin` is the one that decided the verdict, `reason` its words. `path` is as the client asked for it.
    `created` says who allowed the repository to be made for a push, and why. `refused` has those refs of `updates` that
    git or a hook of the repository refused, though gitgate allowed them, each with git's words. Whether an update is a
    rewind is known where the push had some ref that its sender may not rewind; without one, all are updates.
    `bytes_in` counts what git was given, `bytes_out` what it wrote to the client; `bytes_kept` are those of the latter
    that git had said before, to somebody who asked the same. `exit_code` is negative where a signal ended git.
    """

    time: datetime
    request_id: str
    peer: Peer
    verdict: Verdict
    reason: str
    duration_seconds: float
    username: str | None = None
    identity: Identity | None = None
    method: str | None = None
    authenticated_by: str | None = None
    fingerprint: str | None = None
    path: str | None = None
    repository: str | None = None
    service: Service | None = None
    protocol: int | None = None
    plugin: str | None = None
    created: str | None = None
    updates: tuple[RefUpdate, ...] = ()
    refused: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_kept: int = 0
    exit_code: int | None = None
