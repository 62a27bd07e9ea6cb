"""A plugin has its time and its threads, and no failure of one is ever an answer."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from chain_of_plugins import ALICE, LOGIN, Answers, AnswersAsync, Chain, Paths, both
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gitgate.plugin import (
    ANONYMOUS,
    Allow,
    Credentials,
    Finding,
    Identity,
    Password,
    Peer,
    hookimpl,
)
from gitgate.plugin.threads import in_thread
from gitgate.plugin_asking import PluginFailure
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.plugin_registration import Member
from gitgate.testing import a_fetch, a_peer, a_repository
from gitgate.testing.waiting_loop import WaitingLoop


@both
@pytest.mark.parametrize("answer", [True, False, "alice", {"name": "alice"}, 1, Allow("yes"), ANONYMOUS, []])
def test_an_answer_of_another_type_is_a_failure_and_ends_the_chain(kind: type[Answers], answer: object) -> None:
    asked: list[str] = []
    with pytest.raises(PluginFailure, match="p0: authenticate returned") as caught:
        Chain(kind(answer), kind(ALICE, asked, "never")).authenticate()
    assert caught.value.plugin == "p0"
    assert asked == []


@both
def test_an_exception_is_a_failure_and_ends_the_chain(kind: type[Answers], caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []
    with pytest.raises(PluginFailure, match="p0: authenticate raised LookupError: directory is down"):
        Chain(kind(LookupError("directory is down")), kind(ALICE, asked, "never")).authenticate()
    assert asked == []
    assert "Traceback" in caplog.text  # the author of the plugin needs it; no client sees it


@both
def test_an_outage_is_one_line_of_the_log_with_the_id_that_the_client_is_told(
    kind: type[Answers], caplog: pytest.LogCaptureFixture
) -> None:
    """A policy service that is down: sixty lines for each request, none of which the operator needs."""
    with pytest.raises(PluginFailure):
        Chain(kind(ConnectionRefusedError("policy.example.org: refused"))).authenticate(request_id="0123456789")
    [line] = caplog.records
    assert (line.levelno, line.exc_info) == (logging.ERROR, None)
    told = "plugin p0 failed in authenticate: ConnectionRefusedError: policy.example.org: refused [0123456789]"
    assert line.getMessage() == told


@both
def test_a_wrong_answer_is_an_error_in_the_log_with_the_id_that_the_client_is_told(
    kind: type[Answers], caplog: pytest.LogCaptureFixture
) -> None:
    """With `log: {level: warning}`, all clients were told of an outage, and the log was empty."""
    with pytest.raises(PluginFailure):
        Chain(kind("alice")).authenticate(request_id="0123456789")
    [line] = caplog.records
    assert line.levelno == logging.ERROR
    assert line.getMessage().startswith("plugin p0 failed in authenticate: returned ")
    assert line.getMessage().endswith(" [0123456789]")


@both
@pytest.mark.parametrize("exits", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr)
def test_a_plugin_that_would_end_the_process_has_failed(kind: type[Answers], exits: BaseException) -> None:
    """A library that calls sys.exit(), or asyncio, whose cancellation is no Exception."""
    with pytest.raises(PluginFailure, match=f"p0: authenticate raised {type(exits).__name__}"):
        Chain(kind(exits), Answers(ALICE)).authenticate()


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@both
def test_an_exception_that_cannot_be_told_is_a_failure_like_any_other(
    kind: type[Answers], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(PluginFailure, match="raised Speechless, which does not say what is wrong"):
        Chain(kind(Speechless())).authenticate()
    assert "plugin p0 failed in authenticate: Speechless, which" in caplog.text


def test_a_plugin_that_fails_in_ever_new_ways_fills_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    """What was told with its traceback is remembered, so that it is told once; and a library may make a class of
    exceptions for each. After a hundred of them, each is told in one line.
    """
    plugin = AnswersAsync(None)
    chain = Chain(plugin)
    for number in range(110):
        plugin.answer = type(f"Error{number}", (Exception,), {})()
        with pytest.raises(PluginFailure):
            chain.authenticate()
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (len(failures), len([record for record in failures if record.exc_info])) == (110, 100)


def test_a_plain_def_that_returns_an_awaitable_is_a_failure() -> None:
    """A Deferred made in a thread belongs to no reactor, and a coroutine is not None."""

    async def later() -> Identity:
        return ALICE

    for awaitable in (later(), Deferred()):
        with pytest.raises(PluginFailure, match="declare the hook with `async def`"):
            Chain(Answers(awaitable)).authenticate()


class Hangs:
    def __init__(self) -> None:
        self.release = threading.Event()
        self.started = 0

    @hookimpl
    def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | None:
        self.started += 1
        self.release.wait(20)
        return ALICE


@pytest.fixture
def hangs() -> Iterator[Hangs]:
    plugin = Hangs()
    yield plugin
    plugin.release.set()


def test_a_plugin_that_overruns_its_deadline_is_a_failure_and_its_late_answer_is_dropped(
    hangs: Hangs, caplog: pytest.LogCaptureFixture
) -> None:
    chain = Chain(Member(name="slow", plugin=hangs, deadline_seconds=0.05))
    with pytest.raises(PluginFailure, match="slow: authenticate did not answer within its deadline of 0.05 s"):
        chain.authenticate(request_id="0123456789")
    told = "plugin slow failed in authenticate: did not answer within its deadline of 0.05 s [0123456789]"
    assert (caplog.messages, caplog.records[0].levelno) == ([told], logging.ERROR)


def test_a_plugin_that_hangs_does_not_delay_another_ones_answer(hangs: Hangs) -> None:
    """All threads of one plugin hang; Twisted's shared pool would now serve nobody, not even name look-ups."""
    chain = Chain(
        Member(name="hanging", plugin=hangs, deadline_seconds=0.05, hooks=frozenset({"authenticate"})),
        Member(name="other", plugin=Paths()),
    )
    for _ in range(12):
        with pytest.raises(PluginFailure):
            chain.authenticate()
    found = chain.loop.run(chain.chain.resolve_path(ALICE, a_fetch()))
    assert found == Ruling("other", a_repository("found"))


def test_a_call_that_nobody_waits_for_any_more_never_starts(hangs: Hangs) -> None:
    chain = Chain(Member(name="slow", plugin=hangs, deadline_seconds=0.02))
    for _ in range(20):
        with pytest.raises(PluginFailure):
            chain.authenticate()
    assert hangs.started == 8  # as many as there are threads
    hangs.release.set()
    for _ in range(200):
        if chain.chain._seats[0].login_threads._calls == 0:
            break
        chain.loop.run(_tick())
    assert hangs.started == 8


async def _tick() -> None:
    time.sleep(0.002)


def test_more_questions_than_may_wait_are_refused_at_once(hangs: Hangs) -> None:
    clock = WaitingLoop()
    chain = PluginChain([Member(name="slow", plugin=hangs)], clock.reactor)
    clock.run(chain.start())
    waiting = [Deferred.fromCoroutine(chain.authenticate(LOGIN, a_peer())) for _ in range(72)]
    with pytest.raises(PluginFailure, match="slow: authenticate has 72 questions before it and takes no more"):
        clock.run(chain.authenticate(LOGIN, a_peer()))
    for deferred in waiting:
        deferred.addErrback(lambda _: None)
        deferred.cancel()


class NeverAnswers:
    """Waits for what never comes, and does not even heed its cancellation."""

    @hookimpl
    async def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | None:
        while True:
            try:
                await Deferred()
            except Exception:
                continue


def test_an_async_plugin_that_ignores_its_cancellation_still_overruns_its_deadline() -> None:
    clock = Clock()
    chain = PluginChain([Member(name="deaf", plugin=NeverAnswers(), deadline_seconds=5)], clock)  # type: ignore[arg-type]
    failures: list[BaseException] = []
    asking = Deferred.fromCoroutine(chain.authenticate(LOGIN, a_peer()))
    asking.addErrback(lambda failure: failures.append(failure.value))
    clock.advance(4.9)
    assert failures == []
    clock.advance(0.2)
    assert [str(failure) for failure in failures] == ["deaf: authenticate did not answer within its deadline of 5 s"]


class CancelsItself:
    """Awaits what somebody else cancels, as a connection pool does with requests that are pending."""

    @hookimpl
    async def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | None:
        request: Deferred[None] = Deferred()
        request.cancel()
        await request
        return ALICE


def test_a_plugin_that_is_cancelled_from_within_has_failed() -> None:
    """Taken for a client that went away, it would leave the client waiting for ever."""
    with pytest.raises(PluginFailure, match="p0: authenticate raised CancelledError"):
        Chain(CancelsItself(), Answers(ALICE)).authenticate()


class Waits:
    @hookimpl
    async def authenticate(self, credentials: Credentials, peer: Peer) -> Identity | None:
        await Deferred()
        return ALICE


def test_a_question_that_is_dropped_is_no_failure_of_the_plugin(caplog: pytest.LogCaptureFixture) -> None:
    """As when the server ends while an answer is awaited: nobody asks any more, and there is nothing to be told."""
    chain = PluginChain([Member(name="slow", plugin=Waits())], Clock())  # type: ignore[arg-type]
    asking = chain.authenticate(LOGIN, a_peer())
    asking.send(None)
    asking.close()
    assert caplog.messages == []


def test_the_threads_of_a_plugin_are_its_own() -> None:
    """Whatever the same request has done in a thread afterwards would take them, and wait where the plugin hangs."""
    chain = Chain(AnswersAsync(ALICE))

    async def asks_and_goes_on() -> threading.Thread:
        await chain.chain.authenticate(LOGIN, a_peer())
        return await in_thread(threading.current_thread)

    assert chain.loop.run(asks_and_goes_on()) is threading.main_thread()


def test_a_timeout_of_the_plugins_own_is_told_as_what_it_is() -> None:
    with pytest.raises(PluginFailure, match="p0: authenticate raised TimeoutError: the directory"):
        Chain(Answers(TimeoutError("the directory"))).authenticate()


def test_looking_at_services_may_take_longer_than_an_answer() -> None:
    class Slow:
        @hookimpl
        def check_online(self) -> list[Finding]:
            time.sleep(0.2)
            return [Finding("slow, but there")]

    chain = Chain(Member(name="slow", plugin=Slow(), deadline_seconds=0.01))
    assert chain.loop.run(chain.chain.check_online()) == [("slow", (Finding("slow, but there"),))]


def test_looking_at_a_service_that_hangs_ends_after_a_minute() -> None:
    class Hangs:
        @hookimpl
        async def check_online(self) -> None:
            await Deferred()

    clock = Clock()
    chain = PluginChain([Member(name="corp", plugin=Hangs())], cast(Any, clock))
    found: list[Any] = []
    Deferred.fromCoroutine(chain.check_online()).addCallback(found.extend)

    clock.advance(59)
    assert found == []
    clock.advance(1)
    late = Finding("check_online did not answer within its deadline of 60 s", is_problem=True)
    assert found == [("corp", (late,))]


def test_no_secret_of_a_credential_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(PluginFailure) as caught:
        Chain(Answers(OSError("down"))).authenticate(Password(username="alice", password="hunter2"))
    assert "hunter2" not in caplog.text + str(caught.value)
