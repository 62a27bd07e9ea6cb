"""Makes the implementations of each hook, in the operator's order, of the plugins that are to be asked.

pluggy finds what a plugin implements and refuses what fits no hook; here are refused those that want a place in the
order, or accept credentials that there are not.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pluggy

from gitgate.config.problems import did_you_mean
from gitgate.plugin import BearerToken, Password, PublicKey
from gitgate.plugin.hookspecs import PROJECT, Hooks
from gitgate.plugin_answers import ANSWERS
from gitgate.reactor import Reactor
from gitgate.worker_threads import WorkerThreads

DEFAULT_DEADLINE_SECONDS: Final = 10.0

#: Hooks that are told, and have no answer.
NOTIFICATIONS: Final = frozenset({"audited", "started", "stopping"})

#: Hooks that do not serve clients. A plugin that is to answer some questions only must still be told that it starts.
_UNRESTRICTED: Final = frozenset({"check_online", "started", "stopping"})

_ALL_HOOKS: Final = (*ANSWERS, *NOTIFICATIONS)

_CREDENTIALS: Final[tuple[type, ...]] = (Password, PublicKey, BearerToken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One plugin of the chain, as the operator configured it.

    `hooks` restricts it to some of the hooks that it implements; `started`, `stopping` and `check_online` are for every
    plugin. With `abstain_on_error`, a failure of `authenticate` counts as "no opinion".
    """

    name: str
    plugin: object
    deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    abstain_on_error: bool = False
    hooks: frozenset[str] | None = None


class PluginUnsuitable(Exception):
    """A plugin that cannot be part of a chain; the message says why, for its author."""

    def __init__(self, plugin: str, why: str) -> None:
        super().__init__(f"{plugin}: {why}")
        self.plugin = plugin
        self.why = why


@dataclass(slots=True)
class Seat:
    """A member, with the threads that belong to it.

    Strangers can ask for logins without end, so these have their own: who has logged in does not wait behind them.
    """

    member: Member
    accepts: tuple[type, ...]
    threads: WorkerThreads
    login_threads: WorkerThreads

    def threads_for(self, hook: str) -> WorkerThreads:
        """Those in which `hook` runs."""
        return self.login_threads if hook == "authenticate" else self.threads


@dataclass(frozen=True, slots=True)
class Implementation:
    """A hook of a member: what to call, with which of the hook's arguments, and whether on the reactor."""

    seat: Seat
    hook: str
    call: Callable[..., object]
    arguments: tuple[str, ...]
    on_reactor: bool


def register(members: Sequence[Member], reactor: Reactor) -> dict[str, list[Implementation]]:
    """The implementations of each hook, in the order of `members`. Raises `PluginUnsuitable`."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    seats: dict[str, Seat] = {}
    for member in members:
        if member.name in seats:
            raise PluginUnsuitable(member.name, "two plugins have this name; give one a `name` of its own")
        try:
            manager.register(member.plugin, name=member.name)
            manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            why = _misfit(manager, member.plugin) or " ".join(str(error).split())
            raise PluginUnsuitable(member.name, why) from error
        # A hook that is misspelled here would never be asked, and its veto never heard.
        if member.hooks is not None and (unknown := member.hooks - set(_hooks_of(manager, member))):
            raise PluginUnsuitable(member.name, f"does not implement {', '.join(sorted(unknown))}")
        seats[member.name] = _seat(member, reactor)
    implementations: dict[str, list[Implementation]] = {}
    for hook in (*ANSWERS, *NOTIFICATIONS):
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
            Implementation(
                seat=seat,
                hook=hook,
                call=found[name].function,
                arguments=tuple(found[name].argnames),
                on_reactor=inspect.iscoroutinefunction(found[name].function),
            )
            for name, seat in seats.items()
            if name in found and (seat.member.hooks is None or hook in seat.member.hooks | _UNRESTRICTED)
        ]
    return implementations


def _misfit(manager: pluggy.PluginManager, plugin: object) -> str | None:
    """What pluggy has against a hook of the plugin, in words: it does not exist, or has no such argument."""
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            continue
        hook = options.get("specname") or name
        if hook not in _ALL_HOOKS:
            return f"there is no hook {hook!r}{did_you_mean(hook, _ALL_HOOKS)} (hooks: {', '.join(_ALL_HOOKS)})"
        known = [argument for argument in _arguments(getattr(Hooks, hook)) if argument != "self"]
        taken = _arguments(getattr(plugin, name))
        for argument in taken:
            if argument not in known:
                there_are = ", ".join(known) or "none"
                return f"{hook} has no argument {argument!r}{did_you_mean(argument, known)} (arguments: {there_are})"
    return None


def _arguments(function: Callable[..., object]) -> list[str]:
    """Those that have no default: pluggy gives a hook no others."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _hooks_of(manager: pluggy.PluginManager, member: Member) -> list[str]:
    return [caller.name for caller in manager.get_hookcallers(member.plugin) or ()]


def _seat(member: Member, reactor: Reactor) -> Seat:
    accepts = getattr(member.plugin, "accepts", _CREDENTIALS)
    if not isinstance(accepts, tuple) or not set(accepts) <= set(_CREDENTIALS):
        raise PluginUnsuitable(member.name, "`accepts` must be a tuple of Password, PublicKey or BearerToken")
    return Seat(member, accepts, WorkerThreads(reactor, member.name), WorkerThreads(reactor, f"{member.name}-login"))
