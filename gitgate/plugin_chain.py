"""Asks the plugins in the operator's order, and knows which one decided.

pluggy's own call loop serves neither purpose. With `firstresult=True` the coroutine of an async plugin ends the chain
even when the plugin abstains, because a coroutine is not None; without it every plugin is asked although the answer is
known: a second bind at the directory, a second step towards a lock-out. So the chain walks the implementations itself,
awaits one answer at a time, and gives each plugin its own threads and its own deadline.
"""

import logging
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from gitgate.at_once import Waiting, begin
from gitgate.deadline import Abandoned, DeadlineOver, within
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
from gitgate.plugin.threads import THREADS_OF_THE_ASKED
from gitgate.plugin_answers import objection
from gitgate.plugin_registration import NOTIFICATIONS, Implementation, Member, register
from gitgate.reactor import Reactor
from gitgate.worker_threads import ThreadsBusy, WorkerThreads

_log = logging.getLogger(__name__)

#: For `check_online`: nobody's request waits for it, and three servers in a row may each take a while not to answer.
ONLINE_CHECK_SECONDS: Final = 60.0

#: Tracebacks that are logged, of all plugins together.
_MOST_TRACEBACKS: Final = 100

#: In a question, for the log; no hook has an argument of this name.
_REQUEST_ID: Final = "request_id"

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


class Witness(Protocol):
    """Is told what each plugin is asked and what it says, while that happens; in the reactor's thread."""

    def asked(self, plugin: str, hook: str) -> None:
        """The plugin is about to be asked."""

    def answered(self, plugin: str, hook: str, answer: object) -> None:
        """It has answered; with the `PluginFailure`, if that is what came of it."""


class PluginFailure(Exception):
    """A plugin that had to answer raised, overran its deadline, or returned something that is no answer."""

    def __init__(self, plugin: str, hook: str, why: str) -> None:
        super().__init__(f"{plugin}: {hook} {why}")
        self.plugin = plugin
        self.what_happened = f"{hook} {why}"


class PluginChain:
    """The plugins in the operator's order.

    `accepted` holds the kinds of credentials that some plugin answers for: what a transport may offer. A server has no
    `witness`; commands that show an operator what is going on have one.
    """

    def __init__(self, members: Sequence[Member], reactor: Reactor, witness: Witness | None = None) -> None:
        """Raises `PluginUnsuitable` for a plugin that the chain cannot ask."""
        self._reactor = reactor
        self._witness = witness
        self._told: set[object] = set()
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
        question = {"credentials": credentials, "peer": peer, _REQUEST_ID: request_id}
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
            answer = await self._ask(implementation, identity=identity, peer=peer, **{_REQUEST_ID: request_id})
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

    def _tell(self, implementation: Implementation, question: Mapping[str, object], what: str) -> None:
        """Log that the plugin has not answered."""
        _log.error("plugin %s failed in %s: %s%s", *_what_failed(implementation, question, what))

    def _tell_raised(self, implementation: Implementation, question: Mapping[str, object], error: BaseException) -> str:
        """Log what the plugin has raised, and return it in words.

        With its traceback the first time that it happens at this place, which may happen at each request. An OSError
        has none: what the plugin depends on is not there, and that is no fault of its code.
        """
        what = _described(error)
        if isinstance(error, OSError):
            hint = f"; gitgate runs as the user with id {os.geteuid()}" if isinstance(error, PermissionError) else ""
            self._tell(implementation, question, what + hint)
            return what
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        name, hook = implementation.seat.member.name, implementation.hook
        signature = (name, hook, type(error), place and (place.tb_frame.f_code, place.tb_lineno))
        is_new = signature not in self._told and len(self._told) < _MOST_TRACEBACKS
        if is_new:
            self._told.add(signature)
        told = _what_failed(implementation, question, what)
        _log.error("plugin %s failed in %s: %s%s", *told, exc_info=error if is_new else None)
        return what

    async def _first(self, hook: str, **question: object) -> Ruling[Any] | None:
        """The first answer that is not None, which decides. Raises `PluginFailure`."""
        for implementation in self._implementations[hook]:
            answer = await self._ask(implementation, **question)
            if answer is not None:
                return Ruling(implementation.seat.member.name, answer)
        return None

    async def _ask(self, implementation: Implementation, **question: object) -> object:
        if self._witness is None:
            return await self._answer(implementation, question)
        name, hook = implementation.seat.member.name, implementation.hook
        self._witness.asked(name, hook)
        try:
            answer = await self._answer(implementation, question)
        except PluginFailure as failure:
            self._witness.answered(name, hook, failure)
            raise
        self._witness.answered(name, hook, answer)
        return answer

    async def _answer(self, implementation: Implementation, question: dict[str, object]) -> object:
        answer = await self._call(implementation, question)
        if implementation.hook in NOTIFICATIONS or answer is None:
            return None
        if (why := objection(implementation.hook, answer, question)) is not None:
            self._tell(implementation, question, why)
            raise _failure(implementation, why)
        return answer

    async def _call(self, implementation: Implementation, question: dict[str, object]) -> object:
        """What the plugin says, on time. Raises `PluginFailure` for everything else."""
        arguments = [question[name] for name in implementation.arguments]
        call = partial(implementation.call, *arguments)
        is_check = implementation.hook == "check_online"
        seconds = ONLINE_CHECK_SECONDS if is_check else implementation.seat.member.deadline_seconds
        try:
            threads = implementation.seat.threads_for(implementation.hook)
            if not implementation.on_reactor:
                return await within(seconds, threads.call(call), self._reactor)
            answer = _begin_with(threads, cast(Any, call()))
            return await within(seconds, answer.outcome, self._reactor) if isinstance(answer, Waiting) else answer
        except Abandoned:
            raise  # the client is gone, and nobody waits for the answer
        except (DeadlineOver, ThreadsBusy) as error:
            self._tell(implementation, question, str(error))
            raise _failure(implementation, str(error)) from None
        except GeneratorExit:
            raise  # nobody asks any more
        except BaseException as error:
            # Also sys.exit() of some library, and asyncio's cancellation: neither ends the server, or decides anything.
            what = self._tell_raised(implementation, question, error)
            raise _failure(implementation, f"raised {what}") from error


def _is_for(implementation: Implementation, question: Mapping[str, object]) -> bool:
    """A login is a question for those that accept its kind of credentials."""
    return "credentials" not in question or isinstance(question["credentials"], implementation.seat.accepts)


def _begin_with(threads: WorkerThreads, hook: Coroutine[Any, Any, object]) -> object | Waiting[object]:
    """Begin an `async def` hook, which may use these threads."""
    before = THREADS_OF_THE_ASKED.set(threads.call)
    try:
        return begin(hook)  # in a copy of this context, also after it has waited
    finally:
        THREADS_OF_THE_ASKED.reset(before)


def _what_failed(implementation: Implementation, question: Mapping[str, object], what: str) -> tuple[str, ...]:
    """The plugin, its hook, what happened, and in brackets the id of the request, which its client is told."""
    about = question.get("request") or question.get("record")
    request_id = about.request_id if isinstance(about, GitRequest | AuditRecord) else question.get(_REQUEST_ID)
    told = f" [{request_id}]" if request_id else ""
    return implementation.seat.member.name, implementation.hook, what, told


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, which does not say what is wrong"


def _failure(implementation: Implementation, why: str) -> PluginFailure:
    return PluginFailure(implementation.seat.member.name, implementation.hook, why)
