"""Asks one plugin one question: in threads of its own, within its deadline, and with its answer checked.

Whatever else comes of it is a `PluginFailure`, and a line in the log.
"""

import logging
import os
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, Final, Protocol, cast

from gitgate.at_once import Waiting, begin
from gitgate.deadline import Abandoned, DeadlineOver, within
from gitgate.plugin import AuditRecord, GitRequest
from gitgate.plugin.threads import THREADS_OF_THE_ASKED
from gitgate.plugin_answers import objection
from gitgate.plugin_registration import NOTIFICATIONS, Implementation
from gitgate.reactor import Reactor
from gitgate.worker_threads import ThreadsBusy, WorkerThreads

#: What becomes of a question, here or in the chain, has one name in the log.
_log = logging.getLogger("gitgate.plugin_chain")

#: In a question, for the log; no hook has an argument of this name.
REQUEST_ID: Final = "request_id"

#: For `check_online`: nobody's request waits for it, and three servers in a row may each take a while not to answer.
ONLINE_CHECK_SECONDS: Final = 60.0

#: Tracebacks that are logged, of all plugins together.
_MOST_TRACEBACKS: Final = 100


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


class Asking:
    """Asks, and tells `witness`, where there is one."""

    def __init__(self, reactor: Reactor, witness: Witness | None) -> None:
        self._reactor = reactor
        self._witness = witness
        self._told: set[object] = set()

    async def ask(self, implementation: Implementation, **question: object) -> object:
        """The plugin's answer; None where it has no opinion, or is only told. Raises `PluginFailure`."""
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
    request_id = about.request_id if isinstance(about, GitRequest | AuditRecord) else question.get(REQUEST_ID)
    told = f" [{request_id}]" if request_id else ""
    return implementation.seat.member.name, implementation.hook, what, told


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, which does not say what is wrong"


def _failure(implementation: Implementation, why: str) -> PluginFailure:
    return PluginFailure(implementation.seat.member.name, implementation.hook, why)
