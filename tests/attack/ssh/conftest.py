"""Raw ssh clients, and bare sockets, at a site's ssh door."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_ssh_client import SECONDS, RawClient, place

Attack = Callable[..., RawClient]


@pytest.fixture
def attack() -> Iterator[Attack]:
    """Connects to a site's ssh door."""
    clients: list[RawClient] = []

    def connect(site: Any, kind: type[RawClient] = RawClient, **options: Any) -> RawClient:
        clients.append(kind(*place(site), **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def tcp() -> Iterator[Callable[[Any], socket.socket]]:
    """Connects to a site's ssh door, and speaks no ssh by itself."""
    sockets: list[socket.socket] = []

    def connect(site: Any, source: str = "127.0.0.1") -> socket.socket:
        sockets.append(socket.create_connection(place(site), timeout=SECONDS, source_address=(source, 0)))
        return sockets[-1]

    yield connect
    for each in sockets:
        each.close()
