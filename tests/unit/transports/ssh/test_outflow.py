from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.transports.ssh.outflow import Outflow

KIB = 1024


class Socket:
    """A socket of Twisted's with `room` in the system's buffer. `came` is what the other side gets, in this order."""

    def __init__(self, room: int = 2**30) -> None:
        self.room = room
        self.came = b""
        self.waits = b""
        self.at_once = 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert not streaming
        self.producer = producer
        producer.resumeProducing()

    def getHandle(self) -> "Socket":  # noqa: N802
        return self

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.came += taken
        self.at_once += len(taken)
        return len(taken)

    def write(self, data: bytes) -> None:
        self.waits += data

    def turn(self, most: int = 2**30) -> None:
        """The reactor sends what waits."""
        self.came, self.waits = self.came + self.waits[:most], self.waits[most:]
        if not self.waits:
            self.producer.resumeProducing()


class Scene:
    def __init__(self) -> None:
        self.socket = Socket()
        self.told: list[str] = []
        self.outflow = Outflow(
            self.socket,  # type: ignore[arg-type]
            full=lambda: self.told.append("full"),
            has_room=lambda: self.told.append("room"),
        )
        self.outflow.write(b"-")
        self.socket.turn()
        self.socket.came = b""
        self.told.clear()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_stream_is_sent_at_once(scene: Scene) -> None:
    scene.outflow.stream(b"stream")

    assert (scene.socket.came, scene.socket.waits) == (b"stream", b"")


def test_nothing_goes_ahead_of_what_was_there_before() -> None:
    """The answer to the login is written before anything is known of what the socket holds."""
    socket = Socket()
    socket.write(b"login")
    outflow = Outflow(socket, full=lambda: None, has_room=lambda: None)  # type: ignore[arg-type]

    outflow.a_turn_begins()
    outflow.stream(b"stream")

    assert (socket.came, socket.waits) == (b"", b"loginstream")


def test_what_the_system_does_not_take_waits(scene: Scene) -> None:
    scene.socket.room = 3
    scene.outflow.stream(b"stream")
    scene.outflow.stream(b"more")

    assert (scene.socket.came, scene.socket.waits) == (b"str", b"eammore")


def test_a_broken_connection_is_left_to_twisted(scene: Scene) -> None:
    scene.socket.room = 0

    scene.outflow.stream(b"stream")

    assert scene.socket.waits == b"stream"


def test_who_reads_as_fast_as_can_be_sent_leaves_the_others_their_turn(scene: Scene) -> None:
    """A client on the same machine, with a window of 4 GiB: nobody else would be served before its clone has ended."""
    sent = 0
    while not scene.told:
        scene.outflow.stream(b"x" * 64 * KIB)
        sent += 64 * KIB

    assert scene.socket.at_once == 512 * KIB
    assert sent <= (512 + 192 + 64) * KIB
    scene.socket.turn()
    scene.outflow.stream(b"y")
    assert (scene.told, scene.socket.came[-1:], scene.socket.waits) == (["full", "room"], b"y", b"")


def test_it_is_full_once_until_all_is_sent(scene: Scene) -> None:
    for _ in range(10):
        scene.outflow.write(b"x" * 64 * KIB)
    scene.socket.turn(most=600 * KIB)
    assert scene.told == ["full"]
    scene.socket.turn()
    scene.outflow.write(b"short")
    scene.socket.turn()

    assert scene.told == ["full", "room"]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["write", "stream"]), st.binary(max_size=9)),
            st.tuples(st.sampled_from(["room", "turn"]), st.integers(0, 20)),
            st.tuples(st.just("a_turn_begins"), st.just(None)),
        )
    )
)
def test_whatever_the_socket_takes_when_the_order_stays(steps: list[tuple[str, Any]]) -> None:
    scene = Scene()
    written = b""
    for step, value in steps:
        if step == "room":
            scene.socket.room = value
        elif step == "turn":
            scene.socket.turn(value)
        elif value is None:
            scene.outflow.a_turn_begins()
        else:
            getattr(scene.outflow, step)(value)
            written += value

    assert scene.socket.came + scene.socket.waits == written
