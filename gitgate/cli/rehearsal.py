"""Asks the plugins of a configuration, as a server would, in a process that serves nothing."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gitgate.cli import logs
from gitgate.config import Config, LogSettings
from gitgate.explanation import Explainer
from gitgate.plugin_asking import PluginFailure, Witness
from gitgate.reactor import use_monotonic_clock
from gitgate.server import members

T = TypeVar("T")


class FailedStarts:
    """The witness of a chain that keeps which plugins failed when they were told to start. A server would log it."""

    def __init__(self) -> None:
        self.failures: list[PluginFailure] = []

    def asked(self, plugin: str, hook: str) -> None:
        """Nothing is known yet."""

    def answered(self, plugin: str, hook: str, answer: object) -> None:
        """Keep a failure."""
        if hook == "started" and isinstance(answer, PluginFailure):
            self.failures.append(answer)


def rehearse(
    config: Config, question: Callable[[Explainer], Coroutine[Any, Any, T]], witness: Witness | None = None
) -> T:
    """What `question` returns, asked between the start and the end of the plugins.

    Runs the reactor of this process, which can be done once. Where there is a witness, who is told of each failure, the
    log keeps silent about them. Raises `ConfigError`, `PluginUnsuitable`, and what `question` raises.
    """
    reactor: Any = _reactor
    logs.start_logging(LogSettings(level="error"))
    logs.take_over_twisted()
    if witness is not None:
        logging.getLogger("gitgate.plugin_chain").disabled = True
    use_monotonic_clock(reactor)
    explainer = Explainer(members(config), reactor, witness)
    answers: list[T | Failure] = []

    async def ask() -> T:
        await explainer.chain.start()
        try:
            return await question(explainer)
        finally:
            await explainer.chain.stop()

    def answered(answer: T | Failure) -> None:
        answers.append(answer)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(ask()).addBoth(answered))
    reactor.run()
    if not answers:  # Ctrl-C has stopped the reactor
        raise click.Abort
    [answer] = answers
    if isinstance(answer, Failure):
        answer.raiseException()
    return answer
