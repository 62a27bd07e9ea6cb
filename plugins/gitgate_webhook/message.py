"""What is asked: gitgate's values as the JSON of protocol version 1. `question.schema.json` describes it."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from gitgate.plugin import (
    AuditRecord,
    BearerToken,
    Credentials,
    GitRequest,
    Identity,
    Password,
    Peer,
    RefUpdate,
    Repository,
)

VERSION: Final = 1

#: A record of a push of more refs has these many of them, as in gitgate's own audit log. A question has them all.
MOST_UPDATES_IN_RECORD: Final = 1000

#: A push of more has its updates written in parts of these many.
UPDATES_AT_ONCE: Final = 2000

_HIDDEN: Final = "(hidden)"

_SECRETS: Final = ("password", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message without its time. `id` names gitgate's request; None for a login, which belongs to none yet.

    `content` is all that the hook knows; of all messages, only those of `authenticate` hold secrets. `updates` are
    those of a long push, as the JSON of `written_updates`, and `content` has an empty list in their place: to write
    them at once would take longer than others should wait.
    """

    hook: str
    id: str | None
    content: Mapping[str, Any]
    updates: tuple[bytes, ...] = ()

    def as_json(self, *, message_id: str, time: datetime) -> dict[str, Any]:
        """The message as it is sent at `time` under the name `message_id`."""
        head = {"version": VERSION, "hook": self.hook, "id": self.id or message_id, "time": rfc3339(time)}
        return {**head, **self.content}

    def question(self) -> bytes:
        """What is asked, without what differs from one time of asking to the next.

        Two messages with the same question may have the same answer. All that a service may decide by is in it: above
        all the client's address, but not its port.
        """
        connection = {key: value for key, value in self.content["connection"].items() if key != "port"}
        return self.completed(compact({**self.content, "hook": self.hook, "connection": connection}))

    def completed(self, written: bytes) -> bytes:
        """What `compact` has written of the message, with the updates of a long push."""
        if not self.updates:
            return written
        # No text holds this: in one, each quotation mark has a backslash before it.
        before, _, after = written.partition(b'"updates":[]')
        return b"".join((before, b'"updates":', *self.updates, after))

    def without_secrets(self) -> "Message":
        """The message with its secrets replaced, to be shown."""
        if "credentials" not in self.content:
            return self
        credentials = {key: _HIDDEN if key in _SECRETS else value for key, value in self.content["credentials"].items()}
        return replace(self, content={**self.content, "credentials": credentials})


def compact(value: Any) -> bytes:
    """`value` as JSON in UTF-8. Raises ValueError for a text that has no encoding."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def rfc3339(time: datetime) -> str:
    """`time` in UTC, with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def about_login(credentials: Credentials, peer: Peer) -> Message:
    """`authenticate`: who presents these?"""
    content = {"connection": _connection(peer), "credentials": _credentials(credentials)}
    return Message(hook="authenticate", id=None, content=content)


def about_identity(identity: Identity, peer: Peer) -> Message:
    """`enrich_identity`: what else is known of somebody who has logged in?"""
    content = {"connection": _connection(peer), "identity": _identity(identity)}
    return Message(hook="enrich_identity", id=None, content=content)


def about_path(identity: Identity, request: GitRequest) -> Message:
    """`resolve_path`: where does the request's path lead?"""
    content = {
        "connection": _connection(request.peer),
        "identity": _identity(identity),
        "request": _request(request),
    }
    return Message(hook="resolve_path", id=request.request_id, content=content)


def about_request(identity: Identity, request: GitRequest, repository: Repository) -> Message:
    """`authorize`: may they do this?"""
    content = {**about_path(identity, request).content, "repository": _repository(repository)}
    return Message(hook="authorize", id=request.request_id, content=content)


def written_updates(updates: Sequence[RefUpdate]) -> Iterator[bytes]:
    """The JSON of the updates as `compact` writes it, in parts."""
    for start in range(0, len(updates), UPDATES_AT_ONCE):
        some = compact([_update(update) for update in updates[start : start + UPDATES_AT_ONCE]])
        yield (b"[" if start == 0 else b",") + some[1:-1]
    yield b"]"


def about_record(record: AuditRecord) -> Message:
    """`audited`: what has happened. Nothing is asked."""
    content = {
        "connection": _connection(record.peer),
        "identity": None if record.identity is None else _identity(record.identity),
        "record": {
            "began": rfc3339(record.time),
            "verdict": record.verdict.value,
            "plugin": record.plugin,
            "reason": record.reason,
            "username": record.username,
            "method": record.method,
            "authenticated_by": record.authenticated_by,
            "fingerprint": record.fingerprint,
            "path": record.path,
            "repository": record.repository,
            "service": None if record.service is None else record.service.value,
            "protocol": record.protocol,
            "updates": [_update(update) for update in record.updates[:MOST_UPDATES_IN_RECORD]],
            "updates_total": len(record.updates),
            "bytes_in": record.bytes_in,
            "bytes_out": record.bytes_out,
            "duration_seconds": round(record.duration_seconds, 6),
            "exit_code": record.exit_code,
        },
    }
    return Message(hook="audited", id=record.request_id, content=content)


def _connection(peer: Peer) -> dict[str, Any]:
    return {
        "transport": peer.transport.value,
        "address": peer.address or None,
        "port": peer.port or None,
        "encrypted": peer.encrypted,
    }


def _credentials(credentials: Credentials) -> dict[str, Any]:
    if isinstance(credentials, Password):
        return {"method": "password", "username": credentials.username, "password": credentials.password}
    if isinstance(credentials, BearerToken):
        return {"method": "bearer", "token": credentials.token}
    return {
        "method": "publickey",
        "username": credentials.username,
        "algorithm": credentials.algorithm,
        "blob": b64encode(credentials.blob).decode("ascii"),
        "fingerprint": credentials.fingerprint,
        "verified": credentials.verified,
    }


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "name": identity.name,
        "groups": sorted(identity.groups),
        "attributes": dict(identity.attributes),
    }


def _request(request: GitRequest) -> dict[str, Any]:
    return {
        "service": request.service.value,
        "access": request.access.value,
        "path": request.path,
        "protocol": request.protocol,
        "host": request.host,
        "username": request.username,
        "updates": [_update(update) for update in request.updates],
    }


def _update(update: RefUpdate) -> dict[str, str]:
    return {"ref": update.ref, "old": update.old, "new": update.new, "change": update.change.value}


def _repository(repository: Repository) -> dict[str, Any]:
    # Not its environment, in which another plugin may have put a secret for git's hooks.
    return {
        "name": repository.name,
        "directory": str(repository.directory),
        "exists": repository.exists,
        "moved_to": repository.moved_to,
    }
