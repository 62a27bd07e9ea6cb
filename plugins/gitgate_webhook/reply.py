"""What the service has said: the JSON of a reply into a `Reply`, or why it is none. `reply.schema.json` describes it.

It is read strictly, because a field that is not understood may be a refusal. Only fields that version 1 does not know
are passed over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from gitgate.plugin import ANONYMOUS
from gitgate_webhook.failures import BadReply
from gitgate_webhook.printable import printable

T = TypeVar("T")

#: How much of a text is kept, for the log and for people.
LONGEST_REASON: Final = 1000
LONGEST_MESSAGE: Final = 500

#: Seconds. A number of JSON may be longer than any float.
_LONGEST_TTL: Final = 10**9


class Decision(Enum):
    """The word that decides."""

    ALLOW = "allow"
    DENY = "deny"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIdentity:
    """Who somebody is, in the service's words. For `enrich_identity` the name may be left out."""

    name: str | None = None
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRepository:
    """Where a path leads, in the service's words. Nothing is known yet of the directory."""

    directory: str
    name: str
    moved_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A decision with all that belongs to it. `ttl` is for how many seconds it may be used again; None: it may not."""

    decision: Decision
    reason: str
    message: str | None = None
    ttl: float | None = None
    identity: NamedIdentity | None = None
    repository: NamedRepository | None = None
    refs: tuple[str, ...] = ()


_DEFAULT_REASONS: Final = {
    Decision.ALLOW: "the service allows it",
    Decision.DENY: "the service denies it",
    Decision.ABSTAIN: "the service has no opinion",
}


def parse_json(body: bytes) -> Any:
    """What `body` holds. Raises `BadReply` for what is not JSON, and for what two parsers may read differently."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise BadReply("the body is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadReply(f"the body is not JSON: {error}" if body.strip() else "the body is empty") from None


def read_reply(hook: str, value: Any) -> Reply:
    """The reply that `value` is to a question of `hook`. Raises `BadReply`."""
    if not isinstance(value, dict):
        raise BadReply(f"a reply is a JSON object, not {_kind(value)}")
    decision = _decision(value)
    reply = Reply(
        decision=decision,
        reason=printable(_text(value, "reason") or _DEFAULT_REASONS[decision], LONGEST_REASON),
        message=None if (message := _text(value, "message")) is None else printable(message, LONGEST_MESSAGE),
        ttl=_ttl(value),
        identity=None if (identity := _object(value, "identity")) is None else _identity(identity),
        repository=None if (repository := _object(value, "repository")) is None else _repository(repository),
        refs=_texts(value, "refs"),
    )
    if reply.refs and decision is not Decision.DENY:
        raise BadReply("`refs` are those that are refused, and so belong to deny")
    if decision is Decision.ALLOW:
        _check_allowing(hook, reply)
    return reply


def _check_allowing(hook: str, reply: Reply) -> None:
    if hook == "authenticate" and (reply.identity is None or reply.identity.name is None):
        raise BadReply("to allow a login takes an `identity` with a `name`")
    if hook == "resolve_path" and reply.repository is None:
        raise BadReply("to allow a path takes a `repository`, where it leads")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that is written twice means the first value to one parser and the last to another."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _decision(value: Mapping[str, Any]) -> Decision:
    word = _required(_text(value, "decision"), "decision")
    try:
        return Decision(word)
    except ValueError:
        raise BadReply(f"`decision` is {printable(word, 40)!r}, not allow, deny or abstain") from None


def _ttl(value: Mapping[str, Any]) -> float | None:
    ttl = value.get("ttl")
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or ttl < 0:
        raise BadReply("`ttl` must be a number of seconds, 0 or more")
    return float(min(ttl, _LONGEST_TTL))


def _identity(value: Mapping[str, Any]) -> NamedIdentity:
    name = _text(value, "name", "identity.")
    if name == "" or name == ANONYMOUS.name:
        raise BadReply(f"`identity.name` must be somebody's name, not {name!r}")
    attributes = _object(value, "attributes", "identity.") or {}
    return NamedIdentity(
        name=name,
        groups=frozenset(_texts(value, "groups", "identity.")),
        attributes=MappingProxyType(
            {key: _required(_text(attributes, key, "identity.attributes."), key) for key in attributes}
        ),
    )


def _repository(value: Mapping[str, Any]) -> NamedRepository:
    return NamedRepository(
        directory=_required(_text(value, "directory", "repository."), "repository.directory"),
        name=_required(_text(value, "name", "repository."), "repository.name"),
        moved_to=_text(value, "moved_to", "repository."),
    )


def _required(found: T | None, key: str) -> T:
    if found is None:
        raise BadReply(f"`{key}` is missing")
    return found


def _text(value: Mapping[str, Any], key: str, where: str = "") -> str | None:
    found = value.get(key)
    if found is not None and not isinstance(found, str):
        raise BadReply(f"`{where}{key}` must be a text, not {_kind(found)}")
    return None if found is None else _encodable(found, where + key)


def _texts(value: Mapping[str, Any], key: str, where: str = "") -> tuple[str, ...]:
    found = value.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise BadReply(f"`{where}{key}` must be a list of texts, none of them empty")
    return tuple(_encodable(item, where + key) for item in found)


def _object(value: Mapping[str, Any], key: str, where: str = "") -> Mapping[str, Any] | None:
    found = value.get(key)
    if found is not None and not isinstance(found, dict):
        raise BadReply(f"`{where}{key}` must be an object, not {_kind(found)}")
    return found


def _encodable(text: str, key: str) -> str:
    """JSON can write half of a surrogate pair, which is no character and goes into no file."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise BadReply(f"`{key}` holds half of a surrogate pair")
    return text


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object")
