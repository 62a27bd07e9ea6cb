"""Rules as they are written in the configuration, and what can be wrong with them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from gitgate_rules.globs import RepositoryGlob
from gitgate_rules.principals import parse_principal

#: What a rule speaks about; each is the value of an `Access`.
Verb: TypeAlias = Literal["read", "write", "create"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: these people may, or may not, do this with these repositories.

    `repos` are the patterns of `globs`, `who` the words of `principals`. One of `allow` and `deny` lists the verbs that
    the rule decides; about the others it says nothing, and `write` does not include `read`. `name` is what the log
    calls the rule, instead of its place in the list. `message` is shown to those whom the rule refuses, if they may
    read the repository. Raises ValueError with everything that is wrong.
    """

    repos: tuple[str, ...]
    who: tuple[str, ...]
    allow: tuple[Verb, ...] | None = None
    deny: tuple[Verb, ...] | None = None
    name: str | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        faults = [
            *_faults_of_entries("repos", self.repos, RepositoryGlob.parse),
            *_faults_of_entries("who", self.who, parse_principal),
        ]
        if (self.allow is None) == (self.deny is None):
            faults.append("write one of allow and deny, and list the verbs it decides")
        if self.allow is not None:
            faults += _faults_of_entries("allow", self.allow, _check_verb)
        if self.deny is not None:
            faults += _faults_of_entries("deny", self.deny, _check_verb)
        if self.name is not None and not self.name.strip():
            faults.append("name: is empty; leave it out, or say what the rule is for")
        if self.message is not None and self.deny is None:
            faults.append("message: is for those whom a rule refuses, and this one allows; leave it out")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def verbs(self) -> tuple[Verb, ...]:
        """What the rule decides."""
        return self.allow or self.deny or ()


@dataclass(frozen=True, kw_only=True)
class RulesSettings:
    """What stands in the configuration. `rules` are asked from top to bottom, and the first that matches decides."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ValueError("rules: is empty; write a rule, or take the plugin out")
        names = [rule.name for rule in self.rules if rule.name is not None]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                raise ValueError(
                    f"rules: {names.count(name)} rules are called {name!r}; the log could not tell them apart"
                )


def _faults_of_entries(key: str, entries: Iterable[object], parse: Callable[[str], object]) -> Iterator[str]:
    if isinstance(entries, str):  # which would be read as a list of its letters
        yield f"{key}: write a list, such as [{entries!r}]"
        return
    empty = True
    for entry in entries:
        empty = False
        if not isinstance(entry, str):
            yield f"{key}: {entry!r} is not a text; put it into quotes if it is meant as one"
            continue
        try:
            parse(entry)
        except ValueError as error:
            yield f"{key}: {error}"
    if empty:
        yield f"{key}: is empty; a rule needs at least one entry here"


def _check_verb(verb: str) -> None:
    known = get_args(Verb)
    if verb not in known:
        raise ValueError(f"{verb!r}: is no verb; write {', '.join(known[:-1])} or {known[-1]}")
