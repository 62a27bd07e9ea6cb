"""An explanation for people, and as JSON."""

from collections.abc import Iterator
from typing import Any

from gitgate.cli.answer_text import LONGEST, answer_text, groups_text
from gitgate.explanation import Explanation, Question, Verb
from gitgate.plugin import Access, Allow, Deny, Missing, RefChange, Repository
from gitgate.plugin_chain import Vote
from gitgate.refusals import CredentialsRefused, Refusal
from gitgate.wire.printable import printable

_ACCESSES = {
    Access.READ: "May {who} read {repository}?",
    Access.WRITE: "May {who} push to {repository}?",
    Access.CREATE: "May {who} create {repository}?",
}
_CHANGES = {
    RefChange.CREATE: "May {who} create {refs} in {repository}?",
    RefChange.UPDATE: "May {who} move {refs} in {repository}?",
    RefChange.REWIND: "May {who} rewind {refs} in {repository}?",
    RefChange.DELETE: "May {who} delete {refs} in {repository}?",
}


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """A block for each question, and the verdict at the end. `*` marks the vote that decides."""
    if explanation.login is not None:
        yield _who(explanation)
        yield ""
    repository = explanation.request.path
    for question in explanation.questions:
        yield _title(question, explanation, repository)
        yield from _votes(question)
        yield ""
        for vote in question.votes:
            if vote.decides and isinstance(vote.answer, Repository):
                repository = vote.answer.name
    if explanation.created_by:
        yield f"The repository would be made by {' or else '.join(explanation.created_by)}."
        yield ""
    yield from _verdict(explanation)


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """Everything, as plain data. The fields are told in docs/explain.md."""
    login, request, refusal = explanation.login, explanation.request, explanation.refusal
    return {
        "allowed": refusal is None,
        "user": None if login is None else login.identity.name,
        "groups": None if login is None else sorted(login.identity.groups),
        "authenticated_by": None if login is None else login.plugin,
        "method": None if login is None else login.method,
        "fingerprint": None if login is None else login.fingerprint,
        "verb": explanation.verb.value,
        "path": request.path,
        "ref": explanation.ref,
        "transport": request.peer.transport.value,
        "address": request.peer.address,
        "questions": [_question_json(question) for question in explanation.questions],
        "created_by": list(explanation.created_by),
        "forward_only": explanation.forward_only,
        "refusal": None if refusal is None else _refusal_json(refusal),
        "request_id": request.request_id,
    }


def _who(explanation: Explanation) -> str:
    login, peer = explanation.login, explanation.request.peer
    assert login is not None, "who is known"
    who = printable(login.identity.name)
    if not login.identity.is_anonymous:
        who += f" (groups: {groups_text(login.identity)})"
    if login.plugin is not None:
        who += f", logged in by {login.plugin} with {login.fingerprint}"
    return f"{who}, over {peer.transport.value} from {peer.address}"


def _title(question: Question, explanation: Explanation, repository: str) -> str:
    assert explanation.login is not None, "only those who have logged in lead to questions"
    if question.hook == "resolve_path":
        return f"Where does {printable(question.request.path, LONGEST)} lead?"
    updates = question.request.updates
    words = _CHANGES[updates[0].change] if updates else _ACCESSES[question.request.access]
    return words.format(
        who=printable(explanation.login.identity.name),
        repository=printable(repository, LONGEST),
        refs=" ".join(printable(update.ref) for update in updates),
    )


def _votes(question: Question) -> Iterator[str]:
    width = max((len(vote.plugin) for vote in question.votes), default=0)
    for vote in question.votes:
        yield f"  {'*' if vote.decides else ' '} {vote.plugin:<{width}}  {answer_text(vote.answer)}"
    if not any(vote.decides for vote in question.votes):
        outcome = "it leads nowhere" if question.hook == "resolve_path" else "denied by default"
        yield f"    no plugin decides: {outcome}"


def _verdict(explanation: Explanation) -> Iterator[str]:
    refusal = explanation.refusal
    if refusal is None:
        yield "ALLOWED"
        if explanation.forward_only:
            yield "as long as the ref only moves forward"
        elif explanation.verb is not Verb.READ and explanation.ref is None:
            yield "but a push may be refused for its refs; name a REF to see the rules for it"
        return
    by = "" if refusal.plugin is None else f" by {refusal.plugin}"
    outcome = "LOGIN REFUSED" if isinstance(refusal, CredentialsRefused) else "REFUSED"
    yield f"{outcome}{by}: {printable(refusal.reason, LONGEST)}"
    if refusal.message:
        yield f"The client is told: {printable(refusal.message, LONGEST)}"


def _question_json(question: Question) -> dict[str, Any]:
    return {
        "hook": question.hook,
        "access": question.request.access.value,
        "updates": [{"ref": update.ref, "change": update.change.value} for update in question.request.updates],
        "votes": [_vote_json(vote) for vote in question.votes],
    }


def _vote_json(vote: Vote) -> dict[str, Any]:
    shown: dict[str, Any] = {"plugin": vote.plugin, "decides": vote.decides}
    match vote.answer:
        case None:
            return {**shown, "answer": "no opinion"}
        case Repository() as repository:
            return {
                **shown,
                "answer": "repository",
                "name": repository.name,
                "directory": str(repository.directory),
                "exists": repository.exists,
                "moved_to": repository.moved_to,
            }
        case Missing(reason):
            return {**shown, "answer": "missing", "reason": reason}
        case Allow(reason):
            return {**shown, "answer": "allow", "reason": reason}
        case Deny(reason, message, refs):
            return {**shown, "answer": "deny", "reason": reason, "message": message, "refs": list(refs)}
        case failure:
            return {**shown, "answer": "failed", "reason": str(failure)}


def _refusal_json(refusal: Refusal) -> dict[str, Any]:
    return {
        "kind": type(refusal).__name__,
        "verdict": refusal.verdict.value,
        "plugin": refusal.plugin,
        "reason": refusal.reason,
        "message": refusal.message,
    }
