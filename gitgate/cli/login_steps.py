"""A login while it happens: what each plugin is asked, what it says, and what it logs about it."""

from collections.abc import Iterator

import click

from gitgate.cli.answer_text import LONGEST, answer_text, groups_text
from gitgate.cli.plugin_log import PluginLog
from gitgate.login import Login
from gitgate.plugin import Identity
from gitgate.plugin_asking import PluginFailure
from gitgate.refusals import Refusal, Unavailable
from gitgate.wire.printable import printable

_TITLES = {"authenticate": "Who is it?", "enrich_identity": "What else is known?"}


class LoginSteps:
    """The witness of a chain that prints each step, and who is not asked."""

    def __init__(self, log: PluginLog) -> None:
        self._log = log
        self._hook = ""
        self._waiting: list[str] = []
        self._accepting: frozenset[str] = frozenset()
        self._decided_by: str | None = None
        self._width = 0

    def expect(self, answering: tuple[str, ...], accepting: tuple[str, ...]) -> None:
        """The plugins that answer `authenticate`, in order, and those of them that accept these credentials."""
        self._waiting, self._accepting = list(answering), frozenset(accepting)
        self._width = max(map(len, answering), default=0)

    def asked(self, plugin: str, hook: str) -> None:
        """What has been logged until now belongs to nobody's answer."""
        self._log.take(plugin)
        if hook not in _TITLES:
            return
        if hook == "enrich_identity":
            self.end()
        self._begin(hook)
        while self._waiting and (passed := self._waiting.pop(0)) != plugin:
            self._not_asked(passed)

    def answered(self, plugin: str, hook: str, answer: object) -> None:
        """Print it, and what the plugin has logged."""
        lines = self._log.take(plugin)
        if hook not in _TITLES:
            if isinstance(answer, PluginFailure):
                click.echo(f"gitgate: {printable(str(answer), LONGEST)}", err=True)
            return
        decides = hook == "authenticate" and answer is not None and not isinstance(answer, PluginFailure)
        if decides:
            self._decided_by = plugin
        says = "nothing to add" if hook == "enrich_identity" and answer is None else answer_text(answer)
        click.echo(f"  {'*' if decides else ' '} {plugin:<{self._width}}  {says}")
        for line in lines:
            click.echo(f"        {line}")

    def end(self) -> None:
        """Print who was not asked any more."""
        while self._waiting:
            self._begin("authenticate")
            self._not_asked(self._waiting.pop(0))

    def _begin(self, hook: str) -> None:
        if hook != self._hook:
            self._hook = hook
            click.echo(f"\n{_TITLES[hook]}")

    def _not_asked(self, plugin: str) -> None:
        if plugin not in self._accepting:
            why = "takes other credentials than these"
        else:
            why = "the answer is known" if self._decided_by is not None else "the one before failed"
        click.echo(f"    {plugin:<{self._width}}  not asked: {why}")


def outcome_lines(outcome: Login | Refusal) -> Iterator[str]:
    """Who has logged in, or why nobody has."""
    if isinstance(outcome, Login):
        yield f"LOGGED IN by {outcome.plugin}"
        yield from _identity(outcome.identity)
        return
    verdict, by = ("NO ANSWER", "of") if isinstance(outcome, Unavailable) else ("REFUSED", "by")
    whose = "" if outcome.plugin is None else f" {by} {outcome.plugin}"
    yield f"{verdict}{whose}: {printable(outcome.reason, LONGEST)}"
    yield f"The client is told: {printable(outcome.message, LONGEST)}"


def _identity(identity: Identity) -> Iterator[str]:
    yield f"name        {printable(identity.name, LONGEST)}"
    yield f"groups      {groups_text(identity)}"
    for number, (key, value) in enumerate(sorted(identity.attributes.items())):
        yield f"{'attributes' if number == 0 else '':<10}  {printable(f'{key}: {value}', LONGEST)}"
