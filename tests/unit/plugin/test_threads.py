"""in_thread: an `async def` hook blocks where it may."""

import threading
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, succeed

from gitgate.plugin import Allow, Identity, Password, Peer, WatchedFile, hookimpl, in_thread
from gitgate.plugin_asking import PluginFailure
from gitgate.testing import Probe, a_fetch, an_identity

PASSWORD = Password(username="alice", password="wonderland")


def this_thread() -> str:
    return threading.current_thread().name


class Asked:
    """Says in which threads it ran."""

    @hookimpl
    async def authorize(self) -> Allow:
        here = this_thread()
        return Allow(f"{here}, {await in_thread(this_thread)}")

    @hookimpl
    async def authenticate(self, credentials: Password, peer: Peer) -> Identity:
        await self._something_else()
        return Identity(name=await in_thread(this_thread))

    async def _something_else(self) -> None:
        waits: Deferred[None] = Deferred()
        waits_too = in_thread(lambda: None)
        await waits_too
        succeed(None).chainDeferred(waits)
        await waits


@pytest.fixture
def probe() -> Probe:
    return Probe(Asked())


def test_the_hook_runs_on_the_reactor_and_the_function_in_the_plugins_threads(probe: Probe) -> None:
    assert probe.authorize(an_identity(), a_fetch()) == Allow(f"{this_thread()}, gitgate-probe")


def test_a_login_has_its_own_threads_also_after_the_hook_has_waited(probe: Probe) -> None:
    assert probe.authenticate(PASSWORD) == Identity(name="gitgate-probe-login")


def test_what_the_function_raises_is_raised_in_the_hook() -> None:
    class Fails:
        @hookimpl
        async def authorize(self) -> Allow:
            await in_thread(int, "no number")
            return Allow("not reached")

    with pytest.raises(PluginFailure, match="authorize raised ValueError: invalid literal"):
        Probe(Fails()).authorize(an_identity(), a_fetch())


def test_a_function_that_hangs_meets_the_deadline_of_the_plugin() -> None:
    over = threading.Event()

    class Hangs:
        @hookimpl
        async def authorize(self) -> Allow:
            await in_thread(over.wait)
            return Allow("not reached")

    try:
        with pytest.raises(PluginFailure, match=r"did not answer within its deadline of 0.05 s"):
            Probe(Hangs(), deadline_seconds=0.05).authorize(an_identity(), a_fetch())
    finally:
        over.set()


def test_a_watched_file_is_looked_at_in_a_thread_and_only_when_it_is_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    now = [0.0]
    parsed_in: list[str] = []

    def parse(content: bytes) -> str:
        parsed_in.append(this_thread())
        return content.decode()

    watched = WatchedFile(file, parse, clock=lambda: now[0])

    class Reads:
        @hookimpl
        async def authorize(self) -> Allow:
            return Allow(await watched.latest())

    probe = Probe(Reads())
    file.write_text("after it")
    assert probe.authorize(an_identity(), a_fetch()) == Allow("before")
    now[0] = 1.0
    assert probe.authorize(an_identity(), a_fetch()) == Allow("after it")
    assert parsed_in == [this_thread(), "gitgate-probe"]
