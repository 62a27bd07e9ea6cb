"""A server that says what a test tells it to, in place of a directory: what no real one can be brought to say."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

BIND, SEARCH, EXTENDED = 0x60, 0x63, 0x77

BIND_ANSWER: Final = 0x61
SEARCH_DONE: Final = 0x65
EXTENDED_ANSWER: Final = 0x78


class FakeDirectory:
    """Listens on a port of this machine until `close`. `received` is what came, `connections` how many there were.

    `reply` gets what was received at once, and gives what is sent back; with None, nothing ever is.
    """

    def __init__(self, reply: Callable[[bytes], bytes | None]) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        self._reply = reply
        self._clients: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"ldap://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                self._clients.append(client)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while data := client.recv(65536):
                self.received.append(data)
                if (answer := self._reply(data)) is not None:
                    client.sendall(answer)


def operation(request: bytes) -> int:
    """The tag of what is asked: BIND, SEARCH, EXTENDED."""
    return _message(request)[len(_number(request))]


def answer(request: bytes, *operations: bytes) -> bytes:
    """The messages that answer a request (RFC 4511, section 4.1.1)."""
    return b"".join(_tlv(0x30, _number(request), each) for each in operations)


def result(tag: int, code: int, words: str = "", *, referral: str = "") -> bytes:
    """How an operation has ended (section 4.1.9)."""
    rest = _tlv(0xA3, _text(referral)) if referral else b""
    return _tlv(tag, _tlv(0x0A, bytes([code])), _text(""), _text(words), rest)


def entry(dn: str, **attributes: str) -> bytes:
    """An entry that a search has found (section 4.5.2). `_range_0_1` in a name stands for `;range=0-1`."""
    parts = [
        _tlv(0x30, _text(name.replace("_range_0_1", ";range=0-1")), _tlv(0x31, _text(value)))
        for name, value in attributes.items()
    ]
    return _tlv(0x64, _text(dn), _tlv(0x30, *parts))


def reference(uri: str) -> bytes:
    """Somewhere else to look, among the entries that were found (section 4.5.3)."""
    return _tlv(0x73, _text(uri))


def _message(request: bytes) -> bytes:
    """What stands in the outermost sequence."""
    return request[2:] if request[1] < 0x80 else request[2 + request[1] - 0x80 :]


def _number(request: bytes) -> bytes:
    """The request's number, encoded as it came."""
    message = _message(request)
    return message[: 2 + message[1]]


def _text(text: str) -> bytes:
    return _tlv(0x04, text.encode())


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
