"""A raw ssh client on a real socket: it exchanges keys as it should, and then sends what the test wants."""

# ruff: noqa: N802, N803 - the names are Twisted's

import json
import socket
import time
from collections.abc import Callable
from struct import pack, unpack
from typing import Any

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.internet.defer import Deferred, succeed

from gitgate.transports.ssh.key_exchange import STRICT_CLIENT, STRICT_SERVER
from gitgate.transports.ssh.packet_transport import PacketTransport

SECONDS = 40.0

DISCONNECT, UNIMPLEMENTED, FAILURE, SUCCESS, KEY_WOULD_DO = 1, 3, 51, 52, 60


def by_password(user: str, password: str) -> bytes:
    """A login request."""
    return NS(user.encode()) + NS(b"ssh-connection") + NS(b"password") + b"\0" + NS(password.encode())


def algorithm_of(key: Key) -> bytes:
    return b"rsa-sha2-256" if key.sshType() == b"ssh-rsa" else key.sshType()


def about_key(user: str, key: Key) -> bytes:
    """A login request that only asks whether a key would do."""
    request = NS(user.encode()) + NS(b"ssh-connection") + NS(b"publickey") + b"\0"
    return request + NS(algorithm_of(key)) + NS(key.public().blob())


def place(site: Any) -> tuple[str, int]:
    """Where a site's ssh door is."""
    host, _, port = site.daemon.urls["ssh"].rpartition("/")[2].rpartition("@")[2].rpartition(":")
    return "127.0.0.1" if host == "localhost" else host, int(port)


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
        self.socket.settimeout(SECONDS)
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
        give_up = time.monotonic() + SECONDS
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

    def begin_login(self) -> None:
        self.exchange_keys()
        self.sendPacket(5, NS(b"ssh-userauth"))
        self.wait_for(6)

    def log_in(self, user: str = "alice", password: str = "wonderland") -> None:
        self.begin_login()
        assert self.asks(by_password(user, password)) == SUCCESS

    def asks(self, request: bytes) -> int:
        """The answer to a login request: SUCCESS, FAILURE, or KEY_WOULD_DO."""
        self.sendPacket(50, request)
        answers = (SUCCESS, FAILURE, KEY_WOULD_DO)
        self.read_until(lambda: any(message in answers for message, _ in self.received))
        answer = next(message for message, _ in self.received if message in answers)
        self.received.clear()
        return answer

    def by_key(self, user: str, key: Key, signature: Callable[[bytes], bytes] | None = None) -> bytes:
        """A login request with a signature: that of the key itself, or what `signature` makes of what is signed."""
        request = about_key(user, key).replace(NS(b"publickey") + b"\0", NS(b"publickey") + b"\1")
        assert self.sessionID is not None
        signed = NS(self.sessionID) + b"\x32" + request
        return request + NS(signature(signed) if signature else key.sign(signed, algorithm_of(key)))

    def opens(self, *, window: int = 2**31) -> int:
        """A new session; the server's number of it."""
        self.sendPacket(90, NS(b"session") + pack(">3L", 0, window, 32768))
        (session,) = unpack(">L", self.wait_for(91)[4:8])
        return int(session)

    def requests(self, session: int, kind: bytes, rest: bytes = b"") -> int:
        """The answer to a request on a session: 99 where it is granted, 100 where it is not."""
        self.sendPacket(98, pack(">L", session) + NS(kind) + b"\1" + rest)
        answers = (99, 100)
        self.read_until(lambda: any(message in answers for message, _ in self.received))
        place = next(place for place, (message, _) in enumerate(self.received) if message in answers)
        return self.received.pop(place)[0]

    def execute(self, command: bytes, *, window: int = 2**31) -> int:
        """A session that runs `command`; the server's number of it."""
        session = self.opens(window=window)
        assert self.requests(session, b"exec", NS(command)) == 99
        return session

    def runs(self, command: bytes, said: bytes = b"") -> tuple[bytes, bytes, int]:
        """What `command` writes to both streams where it is `said` this, and its exit code."""
        session = self.execute(command)
        self.data(session, said)
        self.sendPacket(96, pack(">L", session))
        self.read_until(lambda: any(message == 97 for message, _ in self.received))
        written = {94: b"", 95: b"", 98: b""}
        for message, payload in self.received:
            if message in written:
                written[message] += payload[{94: 8, 95: 12, 98: 4}[message] :]
        self.received.clear()
        self.sendPacket(97, pack(">L", session))
        kind, status = getNS(written[98])
        assert kind == b"exit-status"
        return written[94], written[95], int.from_bytes(status[1:], "big")

    def whoami(self) -> str:
        """As whom the server knows this client."""
        return str(json.loads(self.runs(b"info --json")[0])["user"])

    def data(self, session: int, data: bytes) -> None:
        self.sendPacket(94, pack(">L", session) + NS(data))
