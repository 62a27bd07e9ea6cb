"""The socket of a server that was killed is no obstacle; that of one that lives is."""

import socket
from pathlib import Path

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ServerFactory
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure

from gitgate.transports.unix_socket import SocketPort, make_room_for_socket


def listening(path: Path, kind: int = socket.SOCK_STREAM) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(str(path))
    if kind == socket.SOCK_STREAM:
        listener.listen(0)
    return listener


def test_what_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    """In a container, every server is process 1. With a file that says "1", the next one would take itself for it."""
    listening(tmp_path / "s").close()
    make_room_for_socket(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_is_nothing_happens(tmp_path: Path) -> None:
    make_room_for_socket(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_what_somebody_listens_on_stays_although_nobody_accepts(tmp_path: Path, kind: int) -> None:
    with listening(tmp_path / "s", kind):
        for _ in range(4):  # beyond the backlog, connecting would block
            make_room_for_socket(tmp_path / "s")
        assert (tmp_path / "s").is_socket()


def test_what_is_no_socket_stays_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(FileExistsError, match="something is there that is no socket"):
        make_room_for_socket(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


@pytest.mark.parametrize("taken", [False, True], ids=["gone", "taken"])
def test_a_server_ends_in_order_when_its_socket_was_removed(tmp_path: Path, taken: bool) -> None:
    """Whoever cleans temporary files removes it; or a second server has taken its place, and goes on."""
    path = tmp_path / "s"
    port = SocketPort(path, ServerFactory(), backlog=5, mode=0o600, reactor=MemoryReactor())
    port.startListening()
    path.unlink()
    successor = listening(path) if taken else None

    port.connectionLost(Failure(ConnectionDone()))

    assert not port.connected
    assert path.is_socket() is taken
    if successor is not None:
        successor.close()
