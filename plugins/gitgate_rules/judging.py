"""What the rules that are about somebody and a repository say of a request, and of each ref of a push."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from gitgate.plugin import Access, Allow, Deny, RefChange, RefUpdate
from gitgate_rules.ready_rule import ReadyRule
from gitgate_rules.settings import Verb

#: Rules in their order, each with the word by which it means whoever asks.
Applicable: TypeAlias = Sequence[tuple[ReadyRule, str]]

_VERBS: Final[Mapping[Access, Verb]] = {Access.READ: "read", Access.WRITE: "write", Access.CREATE: "create"}

_REF_VERBS: Final[Mapping[RefChange, Verb]] = {
    RefChange.CREATE: "write",
    RefChange.UPDATE: "write",
    RefChange.REWIND: "force",
    RefChange.DELETE: "delete",
}


def judge_request(rules: Applicable, access: Access) -> Allow | Deny | None:
    """What the first rule about this access says, while a push's refs are not known.

    The question about a push is then whether it may go on to where they are. One who may write to some refs may; a rule
    that denies some refs has to wait for their names.
    """
    verb = _VERBS[access]
    for rule, word in rules:
        if verb not in rule.verbs:
            continue
        if rule.refs is None:
            reason = _reason(rule, verb, word)
            return Allow(reason) if rule.allows else Deny(reason, rule.message)
        if rule.allows:
            return Allow(f"{_reason(rule, verb, word)} for some refs")
    return None


class UpdatesJudge:
    """Judges the updates of a push, one after the other.

    What no rule speaks of is refused with the rest, because an answer is for the whole push: an Allow would let it in,
    and None would hand to the next plugin what a rule has decided.
    """

    def __init__(self, rules: Applicable, user: str | None) -> None:
        """`user` is who asks, None where nobody has logged in."""
        self._rules = {verb: [entry for entry in rules if verb in entry[0].verbs] for verb in _REF_VERBS.values()}
        self._user = user
        self._is_decided = False
        # Gathered by their reasons, which are few where the refs are many.
        self._allowed: dict[str, list[str]] = {}
        self._refused: dict[str, list[str]] = {}
        self._refused_refs: list[str] = []
        self._messages: dict[str, None] = {}

    def judge(self, update: RefUpdate) -> None:
        """The next one, by the first rule that speaks of it."""
        verb = _REF_VERBS[update.change]
        segments = update.ref.split("/")
        for rule, word in self._rules[verb]:
            if rule.is_about(update.ref, segments, self._user):
                self._decide(rule, verb, word, update.ref)
                return
        self._refuse(f"no rule: {verb}", update.ref)

    def verdict(self) -> Allow | Deny | None:
        """Allow where a rule allows each of them, None where there is no rule for any, else Deny for the others."""
        if not self._is_decided:
            return None
        if not self._refused:
            return Allow(_in_words(self._allowed))
        return Deny(_in_words(self._refused), " ".join(self._messages) or None, tuple(self._refused_refs))

    def _decide(self, rule: ReadyRule, verb: Verb, word: str, ref: str) -> None:
        self._is_decided = True
        reason = _reason(rule, verb, word)
        if rule.allows:
            self._allowed.setdefault(reason, []).append(ref)
            return
        self._refuse(reason, ref)
        if rule.message is not None:
            self._messages[rule.message] = None

    def _refuse(self, reason: str, ref: str) -> None:
        self._refused.setdefault(reason, []).append(ref)
        self._refused_refs.append(ref)


def _reason(rule: ReadyRule, verb: Verb, word: str) -> str:
    return f"{rule.label}: {verb} {'allowed' if rule.allows else 'denied'} to {word}"


def _in_words(verdicts: Mapping[str, Sequence[str]]) -> str:
    """Each reason with its first ref; the others are in the audit record."""
    return "; ".join(
        f"{reason} for {refs[0]}" + (f" and {len(refs) - 1} more" if len(refs) > 1 else "")
        for reason, refs in verdicts.items()
    )
