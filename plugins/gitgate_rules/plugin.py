"""The plugin: the first rule that matches decides."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeAlias

from gitgate.plugin import (
    Allow,
    Deny,
    GitRequest,
    Identity,
    RefChange,
    Repository,
    SettingsError,
    WatchedFile,
    hookimpl,
    in_thread,
)
from gitgate_rules.judging import UpdatesJudge, judge_request
from gitgate_rules.never_decides import rules_that_never_decide
from gitgate_rules.ready_rule import ReadyRule, user_of
from gitgate_rules.rules_file import LabelledRule, RulesFileError, labelled_rules, parse_rules
from gitgate_rules.settings import RulesSettings

_log: Final = logging.getLogger(__name__)

_Rules: TypeAlias = tuple[ReadyRule, ...]

#: For so long the refs of a push are judged before others have their turn: there may be a hundred thousand of them.
_SECONDS_AT_ONCE: Final = 0.01

#: Pushes of which a second question may come.
_MOST_PUSHES: Final = 100


class RulesPlugin:
    """Answers `authorize` by the first rule that matches repository, identity, verb and ref; abstains without one.

    Changes of a rules file are in use within about a second; a change that cannot be read is logged, and the rules
    before it stay.
    """

    settings_type: Final = RulesSettings

    def __init__(self, settings: RulesSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rules = _ready(labelled_rules(settings)) if settings.file is None else _watched(settings.file, clock)
        self._of_pushes: dict[str, _Rules] = {}

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        """What the first matching rule says, with the rule as the reason; of a push with known refs, for each ref."""
        rules = self._rules if isinstance(self._rules, tuple) else await self._latest(self._rules, request)
        name = repository.name.split("/")
        matching = ((rule, rule.word_for(identity, name)) for rule in rules)
        applicable = [(rule, word) for rule, word in matching if word is not None]
        if not request.updates:
            return judge_request(applicable, request.access)
        judge = UpdatesJudge(applicable, user_of(identity))
        until = self._clock() + _SECONDS_AT_ONCE
        for update in request.updates:
            judge.judge(update)
            if self._clock() > until:
                await in_thread(_nothing)  # what comes from a thread comes in another turn of the reactor
                until = self._clock() + _SECONDS_AT_ONCE
        verdict = judge.verdict()
        if isinstance(verdict, Deny):
            self._of_pushes.pop(request.request_id, None)  # nothing more is asked of it
        return verdict

    async def _latest(self, file: WatchedFile[_Rules], request: GitRequest) -> _Rules:
        """The rules of the file, for both questions about one push the same.

        What would rewind is asked about when the updates have been allowed. Were the file read again in between, a push
        could be allowed half by what it said before and half by what it says now, and be one that neither allows.
        """
        before = self._of_pushes.pop(request.request_id, None)
        if before is not None and all(update.change is RefChange.REWIND for update in request.updates):
            return before
        rules = await file.latest()
        if any(update.change is RefChange.UPDATE for update in request.updates):
            self._of_pushes[request.request_id] = rules
            if len(self._of_pushes) > _MOST_PUSHES:
                del self._of_pushes[next(iter(self._of_pushes))]  # which another plugin refused, or decides
        return rules


def _watched(file: Path, clock: Callable[[], float]) -> WatchedFile[_Rules]:
    name = os.fspath(file)
    try:
        return WatchedFile(file, lambda content: _ready(parse_rules(content, name)), clock=clock)
    except OSError as error:
        raise SettingsError(f"cannot read {error.filename!r}: {error.strerror}", key="file") from error
    except RulesFileError as error:
        raise SettingsError(str(error), key="file") from error


def _nothing() -> None:
    """Called in a thread."""


def _ready(rules: Iterable[LabelledRule]) -> _Rules:
    ready = tuple(ReadyRule.of(labelled.rule, labelled.label) for labelled in rules)
    for warning in rules_that_never_decide(ready):
        _log.warning("%s", warning)
    return ready
