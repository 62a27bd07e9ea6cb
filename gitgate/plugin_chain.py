"""The only driver of pluggy: registers the plugins, asks them in the operator's order, and knows which one decided.

pluggy's own call loop serves neither purpose. With `firstresult=True` the coroutine of an async plugin ends the chain
even when the plugin abstains, because a coroutine is not None; without it every plugin is asked although the answer is
known: a second bind at the directory, a second step towards a lock-out. So the chain walks the implementations itself,
awaits one answer at a time, and gives each plugin its own threads and its own deadline.
"""

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import pluggy
from twisted.internet.defer import Deferred

from gitgate.deadline import Abandoned, DeadlineOver, within
from gitgate.plugin import (
    Allow,
    AuditRecord,
    BearerToken,
    Credentials,
    Deny,
    GitRequest,
    Identity,
    Missing,
    Password,
    Peer,
    PublicKey,
    Rejected,
    Repository,
)
from gitgate.plugin.hookspecs import PROJECT, Hooks
from gitgate.plugin_answers import ANSWERS, objection
from gitgate.plugin_threads import PluginThreads, ThreadsBusy
from gitgate.reactor import Reactor

_log = logging.getLogger(__name__)

DEFAULT_DEADLINE_SECONDS: Final = 10.0

_NOTIFICATIONS: Final = frozenset({"audited", "started", "stopping"})
_CREDENTIALS: Final[tuple[type, ...]] = (Password, PublicKey, BearerToken)

D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One plugin of the chain, as the operator configured it.

    `hooks` restricts it to some of the hooks that it implements. With `abstain_on_error`, a failure of `authenticate`
    counts as "no opinion".
    """

    name: str
    plugin: object
    deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    abstain_on_error: bool = False
    hooks: frozenset[str] | None = None


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


class PluginUnsuitable(Exception):
    """A plugin that cannot be part of a chain; the message says why, for its author."""

    def __init__(self, plugin: str, why: str) -> None:
        super().__init__(f"{plugin}: {why}")
        self.plugin = plugin
        self.why = why


class PluginFailure(Exception):
    """A plugin that had to answer raised, overran its deadline, or returned something that is no answer."""

    def __init__(self, plugin: str, hook: str, why: str) -> None:
        super().__init__(f"{plugin}: {hook} {why}")
        self.plugin = plugin


@dataclass(slots=True)
class _Seat:
    """A member, with the threads that belong to it."""

    member: Member
    accepts: tuple[type, ...]
    threads: PluginThreads


@dataclass(frozen=True, slots=True)
class _Implementation:
    seat: _Seat
    hook: str
    call: Callable[..., object]
    arguments: tuple[str, ...]
    on_reactor: bool


class PluginChain:
    """The plugins in the operator's order.

    `accepted` holds the kinds of credentials that some plugin answers for: what a transport may offer.
    """

    def __init__(self, members: Sequence[Member], reactor: Reactor) -> None:
        """Raises `PluginUnsuitable` for a plugin that the chain cannot ask."""
        self._reactor = reactor
        self._implementations = _register(members, reactor)
        self._seats = list({id(i.seat): i.seat for group in self._implementations.values() for i in group}.values())
        self.accepted: frozenset[type] = frozenset(
            kind for i in self._implementations["authenticate"] for kind in i.seat.accepts
        )

    async def start(self) -> None:
        """Open the plugins' threads and tell them that the server starts."""
        for seat in self._seats:
            seat.threads.start()
        await self._tell_all("started")

    async def stop(self) -> None:
        """Tell the plugins that the server has stopped, and close their threads; one that hangs is left behind."""
        await self._tell_all("stopping")
        for seat in self._seats:
            seat.threads.stop()

    async def authenticate(self, credentials: Credentials, peer: Peer) -> Ruling[Identity | Rejected] | None:
        """Who these credentials belong to; None when every plugin abstains. Raises `PluginFailure`."""
        for implementation in self._implementations["authenticate"]:
            if not isinstance(credentials, implementation.seat.accepts):
                continue
            try:
                answer = await self._ask(implementation, credentials=credentials, peer=peer)
            except PluginFailure as failure:
                if not implementation.seat.member.abstain_on_error:
                    raise
                _log.error("%s; it abstains (on_error)", failure)
                continue
            if answer is not None:
                return Ruling(implementation.seat.member.name, cast(Identity | Rejected, answer))
        return None

    async def enrich_identity(self, identity: Identity, peer: Peer) -> Identity | Ruling[Rejected]:
        """`identity` with what every plugin knows of it, or the first refusal. Raises `PluginFailure`."""
        for implementation in self._implementations["enrich_identity"]:
            answer = await self._ask(implementation, identity=identity, peer=peer)
            if isinstance(answer, Rejected):
                return Ruling(implementation.seat.member.name, answer)
            if isinstance(answer, Identity):
                identity = answer
        return identity

    async def resolve_path(self, identity: Identity, request: GitRequest) -> Ruling[Repository | Missing] | None:
        """Where the request's path leads; None when every plugin abstains. Raises `PluginFailure`."""
        ruling = await self._first("resolve_path", identity=identity, request=request)
        return cast(Ruling[Repository | Missing] | None, ruling)

    async def authorize(
        self, identity: Identity, request: GitRequest, repository: Repository
    ) -> Ruling[Allow | Deny] | None:
        """Whether the request is allowed; None when every plugin abstains. Raises `PluginFailure`."""
        ruling = await self._first("authorize", identity=identity, request=request, repository=repository)
        return cast(Ruling[Allow | Deny] | None, ruling)

    async def create_repository(
        self, identity: Identity, request: GitRequest, repository: Repository
    ) -> Ruling[Repository] | None:
        """`repository`, made by the first plugin that makes it; None when every plugin abstains.

        Raises `PluginFailure`, also for a plugin that returns another repository than the one that was authorized.
        """
        ruling = await self._first("create_repository", identity=identity, request=request, repository=repository)
        return cast(Ruling[Repository] | None, ruling)

    async def list_repositories(self, identity: Identity) -> list[str]:
        """The paths that the plugins list, each once, in their order. A failure is logged, and the others are asked."""
        paths: dict[str, None] = {}
        for implementation in self._implementations["list_repositories"]:
            try:
                listed = await self._ask(implementation, identity=identity)
            except PluginFailure as failure:
                _log.error("%s; what it serves is not listed", failure)
                continue
            paths.update(dict.fromkeys(cast(Sequence[str], listed or ())))
        return list(paths)

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

    def answering(self, hook: str) -> tuple[str, ...]:
        """The names of the plugins that are asked `hook`, in order."""
        return tuple(implementation.seat.member.name for implementation in self._implementations[hook])

    async def audited(self, record: AuditRecord) -> None:
        """Tell every plugin of an operation's end. Never raises."""
        await self._tell_all("audited", record=record)

    async def _tell_all(self, hook: str, **facts: object) -> None:
        for implementation in self._implementations[hook]:
            try:
                await self._call(implementation, facts)
            except PluginFailure as failure:
                _log.error("%s; nothing depends on it", failure)

    async def _first(self, hook: str, **question: object) -> Ruling[Any] | None:
        """The first answer that is not None, which decides. Raises `PluginFailure`."""
        for implementation in self._implementations[hook]:
            answer = await self._ask(implementation, **question)
            if answer is not None:
                return Ruling(implementation.seat.member.name, answer)
        return None

    async def _ask(self, implementation: _Implementation, **question: object) -> object:
        answer = await self._call(implementation, question)
        if answer is not None and (why := objection(implementation.hook, answer, question)) is not None:
            raise _failure(implementation, why)
        return answer

    async def _call(self, implementation: _Implementation, question: dict[str, object]) -> object:
        """What the plugin says, on time. Raises `PluginFailure` for everything else."""
        arguments = [question[name] for name in implementation.arguments]
        call = partial(implementation.call, *arguments)
        seconds = implementation.seat.member.deadline_seconds
        try:
            if implementation.on_reactor:
                answer = Deferred.fromCoroutine(cast(Any, call()))
            else:
                answer = implementation.seat.threads.call(call)
            return await within(seconds, answer, self._reactor)
        except Abandoned:
            raise  # the client is gone, and nobody waits for the answer
        except (DeadlineOver, ThreadsBusy) as error:
            raise _failure(implementation, str(error)) from None
        except Exception as error:
            _log.exception("plugin %s failed in %s", implementation.seat.member.name, implementation.hook)
            raise _failure(implementation, f"raised {type(error).__name__}: {error}") from error


def _failure(implementation: _Implementation, why: str) -> PluginFailure:
    return PluginFailure(implementation.seat.member.name, implementation.hook, why)


def _register(members: Sequence[Member], reactor: Reactor) -> dict[str, list[_Implementation]]:
    """The implementations of each hook, in the order of `members`."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    seats: dict[str, _Seat] = {}
    for member in members:
        if member.name in seats:
            raise PluginUnsuitable(member.name, "two plugins have this name; give one a `name` of its own")
        try:
            manager.register(member.plugin, name=member.name)
            manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginUnsuitable(member.name, str(error)) from error
        # A hook that is misspelled here would never be asked, and its veto never heard.
        if member.hooks is not None and (unknown := member.hooks - set(_hooks_of(manager, member))):
            raise PluginUnsuitable(member.name, f"does not implement {', '.join(sorted(unknown))}")
        seats[member.name] = _seat(member, reactor)
    implementations: dict[str, list[_Implementation]] = {}
    for hook in (*ANSWERS, *_NOTIFICATIONS):
        found = {
            implementation.plugin_name: implementation for implementation in getattr(manager.hook, hook).get_hookimpls()
        }
        for name, implementation in found.items():
            if (
                implementation.wrapper
                or implementation.hookwrapper
                or implementation.tryfirst
                or implementation.trylast
            ):
                raise PluginUnsuitable(name, f"{hook} asks for a place in the order; the order is the operator's list")
        implementations[hook] = [
            _Implementation(
                seat=seat,
                hook=hook,
                call=found[name].function,
                arguments=tuple(found[name].argnames),
                on_reactor=inspect.iscoroutinefunction(found[name].function),
            )
            for name, seat in seats.items()
            if name in found and (seat.member.hooks is None or hook in seat.member.hooks)
        ]
    return implementations


def _hooks_of(manager: pluggy.PluginManager, member: Member) -> list[str]:
    return [caller.name for caller in manager.get_hookcallers(member.plugin) or ()]


def _seat(member: Member, reactor: Reactor) -> _Seat:
    accepts = getattr(member.plugin, "accepts", _CREDENTIALS)
    if not isinstance(accepts, tuple) or not set(accepts) <= set(_CREDENTIALS):
        raise PluginUnsuitable(member.name, "`accepts` must be a tuple of Password, PublicKey or BearerToken")
    return _Seat(member, accepts, PluginThreads(reactor, member.name))
