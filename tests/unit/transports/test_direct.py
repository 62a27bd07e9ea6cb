"""What goes to a socket at once, and what waits in Twisted's transport."""

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from zope.interface import implementer

from gitgate.transports import direct


@implementer(IPushProducer)
class Producer:
    def __init__(self) -> None:
        self.events: list[str] = []

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")

    def stopProducing(self) -> None:
        self.events.append("stop")


class Line:
    """A connection of Twisted's, whose reactor writes when the test says so, and the other end of it."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.reactor = MemoryReactorClock()
        self.transport = Connection(ours, Protocol(), self.reactor)
        self.transport.connected = 1
        self.producer = Producer()
        self.transport.registerProducer(self.producer, True)

    @property
    def waits_to_write(self) -> bool:
        return self.transport in self.reactor.getWriters()

    def received(self) -> bytes:
        data = b""
        try:
            while piece := self.theirs.recv(2**20):
                data += piece
        except BlockingIOError:
            pass
        return data

    def close(self) -> None:
        self.theirs.close()
        if self.transport.connected:
            self.transport.getHandle().close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def test_what_the_socket_takes_is_there_without_a_turn_of_the_reactor(line: Line) -> None:
    direct.send(line.transport, (b"5\r\n", b"hello", b"\r\n"))
    assert (line.received(), line.waits_to_write, line.producer.events) == (b"5\r\nhello\r\n", False, [])


def test_what_it_does_not_take_waits_and_its_producer_with_it(line: Line) -> None:
    pieces = [bytes([number]) * 2**20 for number in range(3)]
    direct.send(line.transport, pieces)
    assert (line.waits_to_write, line.producer.events) == (True, ["pause"])
    direct.send(line.transport, (b"behind",))
    received = line.received()
    assert received
    while line.waits_to_write:
        line.transport.doWrite()
        received += line.received()
    assert received == b"".join(pieces) + b"behind"
    assert line.producer.events[-1] == "resume"


def test_nothing_overtakes_what_waits(line: Line) -> None:
    line.transport.write(b"first ")
    direct.send(line.transport, (b"second",))
    assert line.received() == b""
    line.transport.doWrite()
    assert line.received() == b"first second"


@pytest.mark.parametrize("state", ["client gone", "closing", "closed"])
def test_a_connection_at_its_end_is_left_to_twisted(line: Line, state: str) -> None:
    if state == "client gone":
        line.theirs.close()
    elif state == "closing":
        line.transport.loseConnection()
    else:
        line.transport.connected = 0
    direct.send(line.transport, (b"late",))
    assert line.waits_to_write is (state != "closed")
    line.transport.connected = 1
    assert state == "client gone" or line.received() == b""


def test_what_is_no_plain_socket_gets_it_as_twisted_would() -> None:
    transport = StringTransport()
    direct.send(transport, (b"a", b"b"))
    assert transport.value() == b"ab"
