"""The plugin: the first rule that matches decides."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

from gitgate.plugin import Allow, Deny, GitRequest, Identity, Repository, SettingsError, WatchedFile, hookimpl
from gitgate_rules.judging import judge_request, judge_updates
from gitgate_rules.never_decides import rules_that_never_decide
from gitgate_rules.ready_rule import ReadyRule, user_of
from gitgate_rules.rules_file import LabelledRule, RulesFileError, labelled_rules, parse_rules
from gitgate_rules.settings import RulesSettings

_log: Final = logging.getLogger(__name__)

_Rules: TypeAlias = tuple[ReadyRule, ...]


class RulesPlugin:
    """Answers `authorize` by the first rule that matches repository, identity, verb and ref; abstains without one.

    Changes of a rules file are in use within about a second; a change that cannot be read is logged, and the rules
    before it stay.
    """

    settings_type: Final = RulesSettings

    def __init__(self, settings: RulesSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = _ready(labelled_rules(settings)) if settings.file is None else _watched(settings.file, clock)

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        """What the first matching rule says, with the rule as the reason; of a push with known refs, for each ref."""
        rules = self._rules if isinstance(self._rules, tuple) else await self._rules.latest()
        name = repository.name.split("/")
        matching = ((rule, rule.word_for(identity, name)) for rule in rules)
        applicable = [(rule, word) for rule, word in matching if word is not None]
        if request.updates:
            return judge_updates(applicable, user_of(identity), request.updates)
        return judge_request(applicable, request.access)


def _watched(file: Path, clock: Callable[[], float]) -> WatchedFile[_Rules]:
    name = os.fspath(file)
    try:
        return WatchedFile(file, lambda content: _ready(parse_rules(content, name)), clock=clock)
    except OSError as error:
        raise SettingsError(f"cannot read {error.filename!r}: {error.strerror}", key="file") from error
    except RulesFileError as error:
        raise SettingsError(str(error), key="file") from error


def _ready(rules: Iterable[LabelledRule]) -> _Rules:
    ready = tuple(ReadyRule.of(labelled.rule, labelled.label) for labelled in rules)
    for warning in rules_that_never_decide(ready):
        _log.warning("%s", warning)
    return ready
