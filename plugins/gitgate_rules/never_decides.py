"""Finds rules that cannot matter, as an operator would want to be told. What is told is certain; not all is found."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gitgate_rules.globs import Glob
from gitgate_rules.ready_rule import ReadyRule

_RESERVED: Final = frozenset({"everyone", "authenticated", "anonymous"})


def rules_that_never_decide(rules: Sequence[ReadyRule]) -> Iterator[str]:
    """A sentence for each rule that cannot match, or that is about nothing that those above it do not decide."""
    for position, rule in enumerate(rules):
        if _is_for_nobody(rule):
            yield f"{rule.label} never decides: {{user}} is nobody where nobody has logged in"
            continue
        above = [other for other in rules[:position] if other.verbs & rule.verbs and _covers(other, rule)]
        if rule.verbs <= {verb for other in above for verb in other.verbs}:
            first = {next(other.label for other in above if verb in other.verbs) for verb in rule.verbs}
            labels = [other.label for other in above if other.label in first]
            verb = "decide" if len(labels) > 1 else "decides"
            yield f"{rule.label} never decides: {' and '.join(labels)} above it {verb} all that it could"


def _is_for_nobody(rule: ReadyRule) -> bool:
    """A rule for the anonymous alone, all of whose repositories or refs belong to users."""
    if any(word != "anonymous" for word, _ in rule.who):
        return False
    return any(all(glob.needs_user for glob in globs) for globs in (rule.repos, rule.refs) if globs)


def _covers(other: ReadyRule, rule: ReadyRule) -> bool:
    """Whatever `rule` is about, the other rule is about as well."""
    return (
        _covers_globs(other.repos, rule.repos)
        and _covers_whom(other, rule)
        and (other.refs is None or (rule.refs is not None and _covers_globs(other.refs, rule.refs)))
    )


def _covers_whom(other: ReadyRule, rule: ReadyRule) -> bool:
    words = {word for word, _ in other.who}
    if "everyone" in words or {"authenticated", "anonymous"} <= words:
        return True
    return all(
        word in words or ("authenticated" in words and word not in _RESERVED)  # users and groups have logged in
        for word, _ in rule.who
    )


def _covers_globs(globs: Iterable[Glob], others: Iterable[Glob]) -> bool:
    return all(any(glob.covers(other) for glob in globs) for other in others)
