"""The life of a server on a reactor, from its start to an end in order."""

import gc

import pytest
from twisted.internet.defer import Deferred

from gitgate.cli.running import _Life


class Server:
    """Records what is done to it. `start` fails with `failure`, or waits for `starting`."""

    def __init__(self, failure=None, starting=None):
        self.doors = ("door",)
        self.calls = []
        self._failure = failure
        self._starting = starting

    async def start(self):
        self.calls.append("start")
        if self._starting is not None:
            await self._starting
        if self._failure is not None:
            raise self._failure

    async def stop(self):
        self.calls.append("stop")


class Reactor:
    """Ends a life when it is stopped, as Twisted's does."""

    def __init__(self):
        self.life = None

    def stop(self):
        self.life.end()


@pytest.fixture
def live(monkeypatch):
    """Lets a server live with what is announced, to its end."""
    monkeypatch.setattr("signal.signal", lambda number, handler: None)

    def live_with(server, announce):
        reactor = Reactor()
        life = reactor.life = _Life(reactor, server, announce)
        life.begin()
        return life

    yield live_with
    gc.unfreeze()


def test_a_server_whose_start_cannot_be_told_is_stopped(live):
    """A path that standard output's encoding does not have: the doors were open, nothing closed them, and the file of a
    unix socket stayed behind."""

    def announce(server):
        raise UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range(128)")

    server = Server()
    life = live(server, announce)
    assert server.calls == ["start", "stop"]
    assert isinstance(life.failure, UnicodeEncodeError)


def test_a_server_that_never_started_is_not_stopped(live):
    server = Server(failure=OSError("no port"))
    life = live(server, lambda server: None)
    assert server.calls == ["start"]
    assert str(life.failure) == "no port"


def test_a_server_that_is_stopped_while_it_starts_stops_what_has_started(live):
    server = Server(starting=Deferred())
    life = live(server, lambda server: None)
    life.end()
    assert server.calls == ["start", "stop"]
    assert life.failure is None


def test_a_server_tells_its_doors(live):
    told = []
    life = live(Server(), lambda server: told.append(server.doors))
    assert (told, life.failure) == ([("door",)], None)


def test_what_was_there_at_the_start_is_not_looked_through_for_garbage(live):
    gc.unfreeze()
    live(Server(), lambda doors: None)
    assert gc.get_freeze_count() > 0
