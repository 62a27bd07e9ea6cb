"""Rules as they are written in the configuration, and what can be wrong with them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from gitgate.plugin import SettingsError
from gitgate_rules.globs import Glob
from gitgate_rules.principals import parse_principal

#: What a rule speaks about. Each stands for itself: none includes another.
Verb: TypeAlias = Literal["read", "write", "force", "delete", "create"]

#: Why a verb cannot stand in a rule with `refs`.
_WITHOUT_REFS: Final = {
    "read": "whoever may read a repository may read all of it; put read into a rule without refs",
    "create": "a repository that is to be created has no refs; put create into a rule without refs",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: these people may, or may not, do this with these repositories, or with these refs of them.

    `repos` and `refs` are the patterns of `globs`, `who` the words of `principals`. One of `allow` and `deny` lists the
    verbs that the rule decides; about the others it says nothing, and `write` includes none of them. Without `refs`,
    the rule is about every ref. `name` is what the log calls the rule, instead of its place in the list. `message` is
    shown to those whom the rule refuses, if they may read the repository. Raises ValueError with everything that is
    wrong.
    """

    repos: tuple[str, ...]
    who: tuple[str, ...]
    refs: tuple[str, ...] | None = None
    allow: tuple[Verb, ...] | None = None
    deny: tuple[Verb, ...] | None = None
    name: str | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        faults = [
            *_faults_of_entries("repos", self.repos, Glob.of_repositories),
            *_faults_of_entries("who", self.who, parse_principal),
        ]
        if self.refs is not None:
            faults += _faults_of_entries("refs", self.refs, Glob.of_refs)
        if (self.allow is None) == (self.deny is None):
            faults.append("write one of allow and deny, and list the verbs it decides")
        for key, verbs in (("allow", self.allow), ("deny", self.deny)):
            if verbs is not None:
                faults += _faults_of_entries(key, verbs, _check_verb)
                if self.refs is not None:
                    faults += [f"{key}: {why}" for verb, why in _WITHOUT_REFS.items() if verb in verbs]
        if self.name is not None and not self.name.strip():
            faults.append("name: is empty; leave it out, or say what the rule is for")
        if self.message is not None and self.deny is None:
            faults.append("message: is for those whom a rule refuses, and this one allows; leave it out")
        if self.message is not None and not self.message.isprintable():
            faults.append("message: must be one line, without control characters")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def verbs(self) -> tuple[Verb, ...]:
        """What the rule decides."""
        return self.allow or self.deny or ()


@dataclass(frozen=True, kw_only=True)
class RulesSettings:
    """What stands in the configuration: one of `rules` and `file`, a YAML file that holds such a list and nothing else.

    They are asked from top to bottom, and the first that matches decides.
    """

    rules: tuple[Rule, ...] | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.rules is None and self.file is None:
            raise SettingsError("write the rules under `rules`, or name a file with them as `file`")
        if self.rules is not None and self.file is not None:
            raise SettingsError("rules stand in this file already; write one of `rules` and `file`", key="file")
        if self.rules is not None:
            if not self.rules:
                raise ValueError("rules: is empty; write a rule, or take the plugin out")
            if fault := fault_of_names(self.rules):
                raise ValueError(f"rules: {fault}")


def fault_of_names(rules: Iterable[Rule]) -> str | None:
    """What is wrong with the names of these rules taken together, if anything."""
    names = [rule.name for rule in rules if rule.name is not None]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            return f"{names.count(name)} rules are called {name!r}; the log could not tell them apart"
    return None


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
