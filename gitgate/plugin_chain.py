"""Asks the plugins in the operator's order, and knows which one decided.

pluggy's own call loop serves neither purpose. With `firstresult=True` the coroutine of an async plugin ends the chain
even when the plugin abstains, because a coroutine is not None; without it every plugin is asked although the answer is
known: a second bind at the directory, a second step towards a lock-out. So the chain walks the implementations itself,
and awaits one answer at a time (`plugin_asking.py`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from gitgate.plugin import (
    Allow,
    AuditRecord,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Identity,
    Missing,
    Peer,
    Rejected,
    Repository,
)
from gitgate.plugin_asking import REQUEST_ID, Asking, PluginFailure, Witness
from gitgate.plugin_registration import Implementation, Member, register
from gitgate.reactor import Reactor

_log = logging.getLogger(__name__)

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Ruling(Generic[D]):
    """A decision, and the name of the plugin that took it."""

    plugin: str
    decision: D


@dataclass(frozen=True, slots=True)
class Vote:
    """What one plugin says: a decision, None, or how it failed. `decides`: it is the one that the chain goes by."""

    plugin: str
    answer: "Repository | Missing | Allow | Deny | PluginFailure | None"
    decides: bool


class PluginChain:
    """The plugins in the operator's order.

    `accepted` holds the kinds of credentials that some plugin answers for: what a transport may offer. A server has no
    `witness`; commands that show an operator what is going on have one.
    """

    def __init__(self, members: Sequence[Member], reactor: Reactor, witness: Witness | None = None) -> None:
        """Raises `PluginUnsuitable` for a plugin that the chain cannot ask."""
        self._ask = Asking(reactor, witness).ask
        self._implementations = register(members, reactor)
        self._seats = list({id(i.seat): i.seat for group in self._implementations.values() for i in group}.values())
        self.accepted: frozenset[type] = frozenset(
            kind for i in self._implementations["authenticate"] for kind in i.seat.accepts
        )

    async def start(self) -> None:
        """Tell the plugins that the server starts."""
        await self._tell_all("started")

    async def stop(self) -> None:
        """Tell the plugins that the server has stopped, and close their threads; one that hangs is left behind."""
        await self._tell_all("stopping")
        for seat in self._seats:
            seat.threads.stop()
            seat.login_threads.stop()

    async def authenticate(
        self, credentials: Credentials, peer: Peer, request_id: str | None = None
    ) -> Ruling[Identity | Rejected] | None:
        """Who these credentials belong to; None when every plugin abstains. Raises `PluginFailure`."""
        question = {"credentials": credentials, "peer": peer, REQUEST_ID: request_id}
        for implementation in self._implementations["authenticate"]:
            if not _is_for(implementation, question):
                continue
            try:
                answer = await self._ask(implementation, **question)
            except PluginFailure as failure:
                if not implementation.seat.member.abstain_on_error:
                    raise
                _log.error("%s; it abstains (on_error)", failure)
                continue
            if answer is not None:
                return Ruling(implementation.seat.member.name, cast("Identity | Rejected", answer))
        return None

    async def enrich_identity(
        self, identity: Identity, peer: Peer, request_id: str | None = None
    ) -> Identity | Ruling[Rejected]:
        """`identity` with what every plugin knows of it, or the first refusal. Raises `PluginFailure`."""
        for implementation in self._implementations["enrich_identity"]:
            answer = await self._ask(implementation, identity=identity, peer=peer, **{REQUEST_ID: request_id})
            if isinstance(answer, Rejected):
                return Ruling(implementation.seat.member.name, answer)
            if isinstance(answer, Identity):
                identity = answer
        return identity

    async def resolve_path(self, identity: Identity, request: GitRequest) -> Ruling[Repository | Missing] | None:
        """Where the request's path leads; None when every plugin abstains. Raises `PluginFailure`."""
        ruling = await self._first("resolve_path", identity=identity, request=request)
        return cast("Ruling[Repository | Missing] | None", ruling)

    async def authorize(
        self, identity: Identity, request: GitRequest, repository: Repository
    ) -> Ruling[Allow | Deny] | None:
        """Whether the request is allowed; None when every plugin abstains. Raises `PluginFailure`."""
        ruling = await self._first("authorize", identity=identity, request=request, repository=repository)
        return cast("Ruling[Allow | Deny] | None", ruling)

    async def create_repository(
        self, identity: Identity, request: GitRequest, repository: Repository
    ) -> Ruling[Repository] | None:
        """`repository`, made by the first plugin that makes it; None when every plugin abstains.

        Raises `PluginFailure`, also for a plugin that returns another repository than the one that was authorized.
        """
        ruling = await self._first("create_repository", identity=identity, request=request, repository=repository)
        return cast("Ruling[Repository] | None", ruling)

    async def list_repositories(self, identity: Identity) -> list[str]:
        """The paths that the plugins list, each once, in their order. Raises `PluginFailure`.

        What the others list would look like all there is.
        """
        paths: dict[str, None] = {}
        for implementation in self._implementations["list_repositories"]:
            listed = await self._ask(implementation, identity=identity)
            paths.update(dict.fromkeys(cast("Sequence[str]", listed or ())))
        return list(paths)

    async def check_online(self) -> list[tuple[str, tuple[Finding, ...]]]:
        """Every plugin that looks at what it depends on, with what it finds; a failure is a problem that it has."""
        found: list[tuple[str, tuple[Finding, ...]]] = []
        for implementation in self._implementations["check_online"]:
            try:
                findings = cast("Sequence[Finding]", await self._ask(implementation) or ())
            except PluginFailure as failure:
                findings = (Finding(failure.what_happened, is_problem=True),)
            found.append((implementation.seat.member.name, tuple(findings)))
        return found

    async def ask(self, plugin: str, hook: str, **question: object) -> object:
        """What one plugin answers; None also where a server would not ask it. Raises `PluginFailure`."""
        for implementation in self._implementations[hook]:
            if implementation.seat.member.name == plugin and _is_for(implementation, question):
                return await self._ask(implementation, **question)
        return None

    async def votes(self, hook: str, **question: object) -> tuple[Vote, ...]:
        """What every plugin says to a question for which the first answer decides; never raises `PluginFailure`.

        For explanations: those below the one that decides are asked as well, each in its threads and on time. So it is
        for questions that cost nothing but time: `resolve_path` and `authorize`.
        """
        votes: list[Vote] = []
        for implementation in self._implementations[hook]:
            answer: Any
            try:
                answer = await self._ask(implementation, **question)
            except PluginFailure as failure:
                answer = failure
            is_first = all(vote.answer is None for vote in votes)
            votes.append(Vote(implementation.seat.member.name, answer, is_first and answer is not None))
        return tuple(votes)

    def answering(self, hook: str, **question: object) -> tuple[str, ...]:
        """The names of the plugins that are asked `hook`, in order; with a question, those that are asked that one."""
        return tuple(i.seat.member.name for i in self._implementations[hook] if _is_for(i, question))

    async def audited(self, record: AuditRecord) -> None:
        """Tell every plugin of an operation's end. Never raises."""
        await self._tell_all("audited", record=record)

    async def _tell_all(self, hook: str, **facts: object) -> None:
        for implementation in self._implementations[hook]:
            try:
                await self._ask(implementation, **facts)
            except PluginFailure as failure:
                _log.error("%s; nothing depends on it", failure)

    async def _first(self, hook: str, **question: object) -> Ruling[Any] | None:
        """The first answer that is not None, which decides. Raises `PluginFailure`."""
        for implementation in self._implementations[hook]:
            answer = await self._ask(implementation, **question)
            if answer is not None:
                return Ruling(implementation.seat.member.name, answer)
        return None


def _is_for(implementation: Implementation, question: Mapping[str, object]) -> bool:
    """A login is a question for those that accept its kind of credentials."""
    return "credentials" not in question or isinstance(question["credentials"], implementation.seat.accepts)
