"""What a plugin has answered, in a line for people."""

from typing import Final

from gitgate.plugin import Allow, Deny, Identity, Missing, Rejected, Repository
from gitgate.wire.printable import printable

#: Reasons are cut to this.
LONGEST: Final = 1000


def answer_text(answer: object) -> str:
    """The answer to any decision; a `PluginFailure` is one as well."""
    match answer:
        case None:
            return "no opinion"
        case Identity() as identity:
            return f"{printable(identity.name)} (groups: {groups_text(identity)})"
        case Rejected(reason):
            return f"rejected: {printable(reason, LONGEST)}"
        case Repository() as repository:
            there = "" if repository.exists else ", which does not exist yet"
            moved = "" if repository.moved_to is None else f"; an old name of {repository.moved_to}"
            return printable(f"{repository.name} at {repository.directory}{there}{moved}", LONGEST)
        case Missing(reason):
            return f"nothing: {printable(reason, LONGEST)}"
        case Allow(reason):
            return f"allow: {printable(reason, LONGEST)}"
        case Deny(reason):
            return f"deny: {printable(reason, LONGEST)}"
        case failure:
            return f"FAILED: {printable(str(failure), LONGEST)}"


def groups_text(identity: Identity) -> str:
    """The groups in alphabetical order."""
    return printable(", ".join(sorted(identity.groups)) or "none", LONGEST)
