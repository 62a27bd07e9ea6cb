"""A raw ssh client on a real socket: it exchanges keys as it should, and then sends what the test wants."""

# ruff: noqa: N802, N803 - the names are Twisted's

import socket
import time
from collections.abc import Callable, Iterator
from struct import pack, unpack
from typing import Any

import pytest
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.internet.defer import Deferred, succeed

from gitgate.transports.ssh.key_exchange import STRICT_CLIENT, STRICT_SERVER
from gitgate.transports.ssh.packet_transport import PacketTransport

_SECONDS = 20.0


class RawClient(PacketTransport, SSHClientTransport):
    """One connection. `received` has what came and was not part of a key exchange, as (message, payload)."""

    strict_here, strict_there = STRICT_CLIENT, STRICT_SERVER

    def __init__(self, host: str, port: int, *, buffer_bytes: int | None = None) -> None:
        """`buffer_bytes` is what the kernel may keep of what was not read."""
        super().__init__()
        self.received: list[tuple[int, bytes]] = []
        self.is_closed = False
        self.socket = socket.socket()
        if buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(_SECONDS)
        self.socket.connect((host, port))
        self.makeConnection(self)  # type: ignore[arg-type]

    # What conch asks of its transport.

    def write(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            self.is_closed = True

    def loseConnection(self) -> None:
        self.close()

    def close(self) -> None:
        self.is_closed = True
        self.socket.close()

    # What conch calls.

    def verifyHostKey(self, hostKey: bytes, fingerprint: str) -> "Deferred[int]":
        return succeed(1)

    def connectionSecure(self) -> None:
        """There are keys."""

    def ssh_NEWKEYS(self, packet: bytes) -> None:
        self.new_keys_begin(packet)
        super().ssh_NEWKEYS(packet)
        self.key_exchange_ended()

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        if 20 <= messageNum < 50:
            super().dispatchMessage(messageNum, payload)
        else:
            self.received.append((messageNum, payload))

    # What a test does.

    def read(self) -> None:
        """Takes what comes next."""
        try:
            data = self.socket.recv(2**16)
        except ConnectionError:
            data = b""
        if data:
            self.dataReceived(data)
        else:
            self.close()

    def read_until(self, true: Callable[[], bool]) -> None:
        give_up = time.monotonic() + _SECONDS
        while not true() and not self.is_closed:
            assert time.monotonic() < give_up, "the server says nothing"
            self.read()

    def wait_for(self, *messages: int) -> bytes:
        """The payload of the first of these messages that comes. What came before it is forgotten."""
        self.read_until(lambda: any(message in messages for message, _ in self.received))
        while self.received:
            message, payload = self.received.pop(0)
            if message in messages:
                return payload
        raise AssertionError(f"the server closed, and had not sent one of {messages}")

    def wait_until_closed(self) -> list[int]:
        """The messages that came before that."""
        self.read_until(lambda: False)
        return [message for message, _ in self.received]

    def exchange_keys(self) -> None:
        self.read_until(lambda: self.sessionID is not None and not self.is_exchanging_keys)

    def log_in(self, user: str = "alice", password: str = "wonderland") -> None:
        self.exchange_keys()
        self.sendPacket(5, NS(b"ssh-userauth"))
        self.wait_for(6)
        self.sendPacket(50, NS(user.encode()) + NS(b"ssh-connection") + NS(b"password") + b"\0" + NS(password.encode()))
        self.wait_for(52)

    def execute(self, command: bytes, *, window: int = 2**31) -> int:
        """A session that runs `command`; the server's number of it."""
        self.sendPacket(90, NS(b"session") + pack(">3L", 0, window, 32768))
        (session,) = unpack(">L", self.wait_for(91)[4:8])
        self.sendPacket(98, pack(">L", session) + NS(b"exec") + b"\1" + NS(command))
        self.wait_for(99)
        return int(session)

    def data(self, session: int, data: bytes) -> None:
        self.sendPacket(94, pack(">L", session) + NS(data))


def place(site: Any) -> tuple[str, int]:
    host, _, port = site.daemon.urls["ssh"].rpartition("/")[2].rpartition("@")[2].rpartition(":")
    return "127.0.0.1" if host == "localhost" else host, int(port)


Attack = Callable[..., RawClient]


@pytest.fixture
def attack() -> Iterator[Attack]:
    """Connects to a site's ssh door."""
    clients: list[RawClient] = []

    def connect(site: Any, **options: Any) -> RawClient:
        clients.append(RawClient(*place(site), **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def tcp() -> Iterator[Callable[[Any], socket.socket]]:
    """Connects to a site's ssh door, and speaks no ssh by itself."""
    sockets: list[socket.socket] = []

    def connect(site: Any) -> socket.socket:
        sockets.append(socket.create_connection(place(site), timeout=_SECONDS))
        return sockets[-1]

    yield connect
    for each in sockets:
        each.close()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for something that is to come true by itself."""

    def wait(true: Callable[[], bool]) -> None:
        give_up = time.monotonic() + _SECONDS
        while not true():
            assert time.monotonic() < give_up
            time.sleep(0.02)

    return wait
