"""What counts as an answer to each hook. A plugin is distrusted at this boundary, and nowhere behind it."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from gitgate.plugin import Allow, Deny, Finding, Identity, Missing, Rejected, Repository

#: The types of the answers; every other hook is a notification.
ANSWERS: Final[Mapping[str, tuple[type, ...]]] = {
    "authenticate": (Identity, Rejected),
    "enrich_identity": (Identity, Rejected),
    "resolve_path": (Repository, Missing),
    "authorize": (Allow, Deny),
    "create_repository": (Repository,),
    "list_repositories": (Sequence,),
    "check_online": (Sequence,),
}


def objection(hook: str, answer: object, question: Mapping[str, object]) -> str | None:
    """What is wrong with an answer that is not None, in words that follow the hook's name; None if nothing is."""
    wanted = ANSWERS[hook]
    if not isinstance(answer, wanted):
        names = ", ".join(kind.__name__ for kind in wanted)
        return f"returned {type(answer).__name__}, not one of {names} or None"
    match hook:
        case "authenticate" if isinstance(answer, Identity) and answer.is_anonymous:
            return f"returned the reserved name {answer.name!r}"
        case "enrich_identity" if isinstance(answer, Identity):
            return _wrongly_enriched(cast(Identity, question["identity"]), answer)
        case "create_repository":
            return _not_the_repository(cast(Repository, question["repository"]), cast(Repository, answer))
        case "list_repositories":
            return _no_list_of(str, "paths", cast(Sequence[object], answer))
        case "check_online":
            return _no_list_of(Finding, "findings", cast(Sequence[object], answer))
    return None


def _wrongly_enriched(before: Identity, after: Identity) -> str | None:
    if after.name != before.name:
        return f"renamed {before.name!r} to {after.name!r}"
    if not after.groups >= before.groups:
        return f"took groups away from {before.name!r}"
    return None


def _not_the_repository(wanted: Repository, made: Repository) -> str | None:
    if not made.exists:
        return "returned a repository with exists=False, as if it had not made it"
    # Another directory, or another name, is one that nobody was asked about.
    if (made.name, made.directory) != (wanted.name, wanted.directory):
        return f"returned {made.name!r} at {made.directory}, and not {wanted.name!r} at {wanted.directory}"
    return None


def _no_list_of(kind: type, called: str, listed: Sequence[object]) -> str | None:
    if isinstance(listed, str):
        return f"returned a str, where a sequence of {called} belongs"
    wrong = [item for item in listed if not isinstance(item, kind)]
    return f"returned a sequence that holds {wrong[0]!r}, which is not a {kind.__name__}" if wrong else None
