"""Questions to one plugin as a server would put them, with what it logs and how its answers are understood."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import click

from gitgate.cli.answer_text import LONGEST, answer_text
from gitgate.cli.plugin_log import PluginLog
from gitgate.explanation import Verb, request_for
from gitgate.gateway import new_request_id
from gitgate.plugin import (
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    RefChange,
    RefUpdate,
    Repository,
)
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain
from gitgate.wire.printable import printable

#: Sent as a password, to show that a service answers. Nobody's, and no secret.
MADE_UP_PASSWORD: Final = "not-a-password"  # noqa: S105 - it says so

_LOGINS: Final = ("authenticate", "enrich_identity")
_TRIED: Final = (*_LOGINS, "resolve_path", "authorize")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who would do what. `repository` stands in for the one that `path` leads to, where it leads nowhere."""

    identity: Identity
    path: str
    repository: Repository
    ref: str
    peer: Peer


class Trial:
    """Asks the plugin called `plugin`. `failures` counts the questions that had no answer."""

    def __init__(self, chain: PluginChain, plugin: str, case: Case, log: PluginLog) -> None:
        self._chain = chain
        self._plugin = plugin
        self._case = case
        self._log = log
        self.failures = 0

    async def run(self) -> None:
        """Ask all that the plugin is configured to answer, and print it."""
        case, who = self._case, printable(self._case.identity.name)
        answered = [hook for hook in _TRIED if self._plugin in self._chain.answering(hook)]
        click.echo(f"{self._plugin} answers {', '.join(answered) or 'no questions'}")
        if case.identity.is_anonymous:
            answered = [hook for hook in answered if hook not in _LOGINS]
        if "authenticate" in answered:
            await self._authenticate()
        if "enrich_identity" in answered:
            title = f"enrich_identity: What else is known of {who}?"
            await self._ask(title, "enrich_identity", identity=case.identity, peer=case.peer)
        found: object = None
        if "resolve_path" in answered:
            title = f"resolve_path: Where does {printable(case.path)} lead?"
            found = await self._ask(title, "resolve_path", identity=case.identity, request=self._request(Verb.READ))
        if "authorize" in answered:
            await self._authorize(found if isinstance(found, Repository) else await self._repository())
        if self._plugin in self._chain.answering("audited"):
            click.echo("\naudited: not sent, as the record of what did not happen would stand among true ones")

    async def _authenticate(self) -> None:
        credentials = Password(username=self._case.identity.name, password=MADE_UP_PASSWORD)
        question = {"credentials": credentials, "peer": self._case.peer}
        if self._plugin not in self._chain.answering("authenticate", **question):
            click.echo("\nauthenticate: not asked, as the plugin takes no passwords")
            return
        title = f"authenticate: Is {MADE_UP_PASSWORD!r} the password of {printable(credentials.username)}?"
        await self._ask(title, "authenticate", **question)

    async def _authorize(self, repository: Repository) -> None:
        who, name, ref = printable(self._case.identity.name), printable(repository.name), self._case.ref
        update = RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=RefChange.UPDATE)
        push = self._request(Verb.WRITE)
        for title, request in (
            (f"May {who} read {name}?", self._request(Verb.READ)),
            (f"May {who} push to {name}?", push),
            (f"May {who} move {printable(ref)} in {name}?", replace(push, updates=(update,))),
        ):
            question = {"identity": self._case.identity, "request": request, "repository": repository}
            await self._ask(f"authorize: {title}", "authorize", **question)

    async def _repository(self) -> Repository:
        """The repository that the path leads to for a server; a made-up one where it leads nowhere."""
        try:
            ruling = await self._chain.resolve_path(self._case.identity, self._request(Verb.READ))
        except PluginFailure as failure:
            click.echo(f"\n{printable(str(failure), LONGEST)}", err=True)
            ruling = None
        if ruling is not None and not isinstance(ruling.decision, Missing):
            return ruling.decision
        click.echo(f"\n{printable(self._case.path)} leads nowhere, so authorize is asked about a made-up repository")
        return self._case.repository

    async def _ask(self, title: str, hook: str, **question: object) -> object:
        click.echo(f"\n{title}")
        self._log.take(self._plugin)
        answer: object
        try:
            answer = await self._chain.ask(self._plugin, hook, **question)
        except PluginFailure as failure:
            self.failures += 1
            answer = failure
        for line in self._log.take(self._plugin):
            click.echo(f"    {line}")
        click.echo("\n".join(f"  {line}" for line in _understood(answer)))
        return answer

    def _request(self, verb: Verb) -> GitRequest:
        identity = self._case.identity
        name = None if identity.is_anonymous else identity.name
        return request_for(verb, self._case.path, self._case.peer, request_id=new_request_id(), username=name)


def _understood(answer: object) -> Iterator[str]:
    """The answer with all that it carries."""
    yield answer_text(answer)
    match answer:
        case Identity(attributes=attributes):
            for key, value in sorted(attributes.items()):
                yield f"  attribute {printable(f'{key}: {value}', LONGEST)}"
        case Repository(environment=environment):
            for key in sorted(environment):
                yield f"  environment {printable(key)}"
        case Deny(message=message, refs=refs):
            if message is not None:
                yield f"  message for the client: {printable(message, LONGEST)}"
            if refs:
                yield f"  refs: {printable(' '.join(refs), LONGEST)}"
