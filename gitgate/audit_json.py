"""A record as JSON: for every operation the same fields, which `audit-record.schema.json` describes."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gitgate.plugin import AuditRecord, RefUpdate
from gitgate.wire.printable import printable

#: A text that is longer is cut, and ends with "...".
LONGEST_TEXT: Final = 4096

#: A push of more refs is recorded with these many of them, and with the number of all.
MOST_REFS: Final = 1000


def as_json(record: AuditRecord) -> dict[str, Any]:
    """The record as numbers, texts, lists and None."""
    peer, identity = record.peer, record.identity
    return {
        "time": _time(record.time),
        "request_id": record.request_id,
        "transport": peer.transport.value,
        "address": peer.address or None,
        "port": peer.port or None,
        "encrypted": peer.encrypted,
        "username": _text(record.username),
        "identity": None if identity is None else _text(identity.name),
        "groups": None if identity is None else _sorted_texts(identity.groups),
        "method": record.method,
        "authenticated_by": record.authenticated_by,
        "fingerprint": record.fingerprint,
        "path": _text(record.path),
        "repository": _text(record.repository),
        "service": None if record.service is None else record.service.value,
        "protocol": record.protocol,
        "verdict": record.verdict.value,
        "plugin": record.plugin,
        "reason": _text(record.reason),
        "created": _text(record.created),
        "refs": [_ref(update, record.refused.get(update.ref)) for update in record.updates[:MOST_REFS]],
        "refs_total": len(record.updates),
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "bytes_kept": record.bytes_kept,
        "duration_seconds": round(record.duration_seconds, 6),
        "exit_code": record.exit_code,
    }


def json_line(record: AuditRecord) -> bytes:
    """The record as one line, in ASCII."""
    return json.dumps(as_json(record), separators=(",", ":")).encode("ascii") + b"\n"


def schema_text() -> str:
    """The JSON Schema of a record."""
    return Path(__file__).with_name("audit-record.schema.json").read_text(encoding="utf-8")


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _ref(update: RefUpdate, refused: str | None) -> dict[str, str | None]:
    return {
        "ref": _bounded(update.ref),
        "old": update.old,
        "new": update.new,
        "change": update.change.value,
        "refused": _text(refused),
    }


def _text(text: object) -> str | None:
    return None if text is None else _bounded(text)


def _sorted_texts(texts: Iterable[object]) -> list[str]:
    return sorted(_bounded(text) for text in texts)


def _bounded(text: object) -> str:
    """The text without anything that harms a reader. A plugin's value may be of another type than it should be.

    JSON's own escapes are not enough: whoever prints a field with `jq -r` has the control characters back, PostgreSQL
    takes no NUL, and many parsers refuse a lone surrogate with the whole line. To escape them makes a text longer, and
    so it is cut once more.
    """
    kept = LONGEST_TEXT - len("...")
    return printable(printable(str(text), kept), kept)
