"""The plugin: the first rule that matches decides."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gitgate.plugin import Access, Allow, Deny, GitRequest, Identity, Repository, hookimpl
from gitgate_rules.globs import RepositoryGlob
from gitgate_rules.principals import Principal, parse_principal
from gitgate_rules.settings import Rule, RulesSettings

_log: Final = logging.getLogger(__name__)


class RulesPlugin:
    """Answers `authorize` by the first rule that matches repository, identity and access; abstains without one."""

    settings_type = RulesSettings

    def __init__(self, settings: RulesSettings) -> None:
        self._rules = tuple(_ReadyRule.of(rule, position) for position, rule in enumerate(settings.rules))
        for warning in _rules_that_never_decide(self._rules):
            _log.warning("%s", warning)

    @hookimpl
    def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        """What the first matching rule says, with the rule as the reason."""
        name = repository.name.split("/")
        for rule in self._rules:
            vote = rule.vote(identity, request.access, name)
            if vote is not None:
                return vote
        return None


@dataclass(frozen=True, slots=True)
class _ReadyRule:
    """A rule, parsed once. `label` is what the log calls it."""

    label: str
    repos: tuple[RepositoryGlob, ...]
    who: tuple[tuple[str, Principal], ...]
    accesses: frozenset[Access]
    allows: bool
    message: str | None

    @classmethod
    def of(cls, rule: Rule, position: int) -> "_ReadyRule":
        return cls(
            label=f"rules[{position}]" if rule.name is None else rule.name,
            repos=tuple(RepositoryGlob.parse(text) for text in rule.repos),
            who=tuple((text, parse_principal(text)) for text in rule.who),
            accesses=frozenset(Access(verb) for verb in rule.verbs),
            allows=rule.allow is not None,
            message=rule.message,
        )

    def vote(self, identity: Identity, access: Access, name: Sequence[str]) -> Allow | Deny | None:
        if access not in self.accesses:
            return None
        user = None if identity.is_anonymous else identity.name
        if not any(glob.matches(name, user) for glob in self.repos):
            return None
        for word, means in self.who:
            if means(identity):
                if self.allows:
                    return Allow(f"{self.label}: {access.value} allowed to {word}")
                return Deny(f"{self.label}: {access.value} denied to {word}", self.message)
        return None


def _rules_that_never_decide(rules: Iterable[_ReadyRule]) -> Iterator[str]:
    """A sentence for each rule that cannot matter, as those above it have decided for everyone on every repository."""
    decided: dict[Access, str] = {}
    for rule in rules:
        if rule.accesses <= decided.keys():
            above = " and ".join(dict.fromkeys(decided[access] for access in Access if access in rule.accesses))
            yield f"{rule.label} never decides: {above} above it decides for everyone, on every repository"
        elif any(glob.text == "**" for glob in rule.repos) and any(word == "everyone" for word, _ in rule.who):
            decided |= {access: rule.label for access in rule.accesses if access not in decided}
