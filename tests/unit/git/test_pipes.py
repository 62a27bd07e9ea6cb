"""How a pack is taken from git, and given to it: in few large pieces, while what is short passes at once."""

import fcntl
import os
from collections.abc import Iterator

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from gitgate.git.pipes import PipeReader, PipeWriter

PACKET = b"p" * 8192
ENOUGH = 34  # packets, after which it is a pack, and others gather


class Listener:
    """Takes the place of Twisted's Process."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_closed = False

    def childDataReceived(self, _: object, data: bytes) -> None:
        self.pieces.append(data)

    def childConnectionLost(self, _: object, reason: Failure) -> None:
        self.is_closed = True


class Pipe:
    """A pipe whose reader is told by the test when there is something, as by the reactor, where it wants to know."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.listener = Listener()
        self._writing: int | None
        reading, self._writing = os.pipe()
        self.reader = PipeReader(self.reactor, self.listener, 1, reading)

    @property
    def is_watched(self) -> bool:
        return self.reader in self.reactor.getReaders()

    @property
    def size(self) -> int:
        return fcntl.fcntl(self.reader.fd, fcntl.F_GETPIPE_SZ)

    def says(self, data: bytes) -> None:
        assert self._writing is not None
        os.write(self._writing, data)
        if self.is_watched:
            assert self.reader.doRead() is None

    def says_a_pack(self) -> None:
        for _ in range(ENOUGH):
            self.says(PACKET)

    def stops_writing(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None

    def ends(self) -> None:
        self.stops_writing()
        self.reader.connectionLost(Failure(ConnectionDone()))
        os.close(self.reader.fd)


@pytest.fixture
def alone() -> Iterator[Pipe]:
    """The pipe of a pack while there is no other."""
    pipe = Pipe()
    pipe.says_a_pack()
    yield pipe
    if not pipe.listener.is_closed:
        pipe.ends()


@pytest.fixture
def pipe(alone: Pipe) -> Iterator[Pipe]:
    """The pipe of a pack while there is another one."""
    pipe = Pipe()
    pipe.says_a_pack()
    yield pipe
    if not pipe.listener.is_closed:
        pipe.ends()


def test_the_pack_of_a_git_that_is_alone_is_taken_as_it_comes(alone: Pipe) -> None:
    """To be woken for each packet costs more of a processor, which nobody else needs, and less time."""
    assert (alone.size, alone.is_watched) == (2**20, True)
    for _ in range(3):
        alone.says(PACKET)
    assert alone.listener.pieces == [PACKET] * (ENOUGH + 3)


def test_it_gathers_once_another_one_comes_and_until_that_ends(alone: Pipe) -> None:
    other = Pipe()
    other.says_a_pack()
    alone.says(PACKET)
    assert not alone.is_watched
    alone.reactor.advance(0.001)
    other.ends()
    alone.says(PACKET)
    assert alone.is_watched


def test_packets_of_a_pack_gather_for_a_millisecond(pipe: Pipe) -> None:
    assert (pipe.size, pipe.is_watched) == (2**20, False)
    for _ in range(10):
        pipe.says(PACKET)
    pipe.reactor.advance(0.001)
    pipe.says(PACKET)
    assert pipe.listener.pieces == [PACKET] * ENOUGH + [11 * PACKET]


def test_what_is_short_is_taken_at_once(pipe: Pipe) -> None:
    """Progress, that comes between packs, and whole answers of up to 256 KiB."""
    pipe.reactor.advance(0.001)
    pipe.says(PACKET)
    pipe.reactor.advance(0.001)
    for _ in range(3):
        pipe.says(b"Counting objects")
    assert pipe.listener.pieces[-3:] == [b"Counting objects"] * 3
    other = Pipe()
    for _ in range(32):
        other.says(PACKET)
    assert (other.listener.pieces, other.is_watched) == ([PACKET] * 32, True)
    other.ends()


def test_a_git_that_says_more_than_is_read_at_once_is_read_on(pipe: Pipe) -> None:
    pipe.says(b"x" * 600_000)
    pipe.reactor.advance(0.001)
    for _ in range(3):
        assert pipe.is_watched
        pipe.reader.doRead()
    assert not pipe.is_watched
    assert [len(piece) for piece in pipe.listener.pieces[ENOUGH:]] == [2**18, 2**18, 600_000 - 2**19]


def test_a_client_that_does_not_keep_up_is_waited_for_also_after_that(pipe: Pipe) -> None:
    pipe.reader.stopReading()
    pipe.reactor.advance(1)
    assert not pipe.is_watched
    pipe.reader.startReading()
    assert pipe.is_watched


def test_who_goes_on_within_the_millisecond_still_waits_for_its_end(pipe: Pipe) -> None:
    pipe.reader.stopReading()
    pipe.reader.startReading()
    assert not pipe.is_watched
    pipe.reactor.advance(0.001)
    assert pipe.is_watched


def test_nothing_is_waited_for_after_the_end(pipe: Pipe) -> None:
    pipe.ends()
    assert (pipe.listener.is_closed, pipe.reactor.getDelayedCalls(), pipe.is_watched) == (True, [], False)


def test_the_end_comes_behind_what_has_gathered(pipe: Pipe) -> None:
    pipe.says(b"the end")
    pipe.stops_writing()
    pipe.reactor.advance(0.001)
    assert (pipe.reader.doRead(), pipe.listener.pieces[-1]) == (None, b"the end")
    assert pipe.reader.doRead() is CONNECTION_DONE


def test_only_some_gits_have_long_pipes_and_others_are_read_as_they_write() -> None:
    """A user may have 64 MiB of them (pipe(7)), and who has more gets pipes of 8 KiB from then on."""
    pipes = [Pipe() for _ in range(26)]
    for pipe in pipes:
        pipe.says_a_pack()
        pipe.says(PACKET)
    assert sum(pipe.size for pipe in pipes) == 24 * 2**20 + 2 * 2**16
    assert [pipe.is_watched for pipe in pipes] == [True] + [False] * 23 + [True] * 2
    pipes.pop(0).ends()
    pipes.append(Pipe())
    pipes[-1].says_a_pack()
    assert pipes[-1].size == 2**20
    for pipe in pipes:
        pipe.ends()


class Producer:
    """Who brings what is written, and is told to wait."""

    def __init__(self) -> None:
        self.is_paused = False

    def pauseProducing(self) -> None:
        self.is_paused = True

    def resumeProducing(self) -> None:
        self.is_paused = False

    def stopProducing(self) -> None:
        self.is_paused = True


class InputPipe:
    """A pipe to a child, whose writer is told by the test when there is room."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.listener = Listener()
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self.writer = PipeWriter(self.reactor, self.listener, 0, writing)
        self.producer = Producer()
        self.writer.registerProducer(self.producer, True)

    @property
    def is_watched(self) -> bool:
        return self.writer in self.reactor.getWriters()

    @property
    def size(self) -> int:
        return fcntl.fcntl(self.writer.fd, fcntl.F_GETPIPE_SZ)

    def takes(self, count: int) -> bytes:
        """What the child reads."""
        return os.read(self._reading, count)

    def turn(self) -> object:
        """A millisecond passes, and the reactor tells the writer of room, where it wants to know."""
        self.reactor.advance(0.001)
        return self.writer.doWrite() if self.is_watched else None

    def closes(self) -> None:
        os.close(self._reading)

    def ends(self) -> None:
        self.writer.connectionLost(Failure(ConnectionDone()))
        os.close(self.writer.fd)


@pytest.fixture
def input_pipe() -> Iterator[InputPipe]:
    pipe = InputPipe()
    yield pipe
    if not pipe.listener.is_closed:
        pipe.ends()


def test_what_the_pipe_takes_is_written_at_once(input_pipe: InputPipe) -> None:
    input_pipe.writer.write(PACKET)
    assert (input_pipe.takes(2**20), input_pipe.is_watched, input_pipe.size) == (PACKET, False, 2**16)


def test_a_full_pipe_is_made_longer_and_left_alone_for_a_millisecond(input_pipe: InputPipe) -> None:
    data = os.urandom(3 * 2**20)
    input_pipe.writer.write(data)
    assert (input_pipe.size, input_pipe.is_watched, input_pipe.producer.is_paused) == (2**20, False, True)
    taken = input_pipe.takes(4096)
    assert not input_pipe.is_watched, "the child reads 4 KiB at a time, and each of them would wake us"
    while len(taken) < len(data):
        input_pipe.turn()
        taken += input_pipe.takes(2**20)
    assert taken == data
    assert not input_pipe.producer.is_paused


def test_what_is_written_behind_what_waits_comes_behind_it(input_pipe: InputPipe) -> None:
    first, second = os.urandom(2**18), os.urandom(2**18)
    input_pipe.writer.write(first)
    input_pipe.writer.write(second)
    taken = b""
    while len(taken) < len(first + second):
        taken += input_pipe.takes(2**16)
        input_pipe.turn()
    assert taken == first + second


def test_the_input_ends_behind_what_waits(input_pipe: InputPipe) -> None:
    input_pipe.writer.write(bytes(2**18))
    input_pipe.writer.unregisterProducer()
    input_pipe.writer.loseConnection()
    taken = len(input_pipe.takes(2**16))
    assert input_pipe.turn() is CONNECTION_DONE
    assert taken + len(input_pipe.takes(2**20)) == 2**18


def test_a_child_that_closes_its_input_is_noticed(input_pipe: InputPipe) -> None:
    input_pipe.closes()
    input_pipe.writer.write(PACKET)
    assert input_pipe.is_watched
    assert input_pipe.writer.doWrite() is CONNECTION_LOST


def test_no_writer_waits_after_its_end(input_pipe: InputPipe) -> None:
    input_pipe.writer.write(bytes(3 * 2**20))
    input_pipe.ends()
    assert (input_pipe.reactor.getDelayedCalls(), input_pipe.is_watched) == ([], False)
