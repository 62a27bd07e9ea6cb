"""Values with sensible contents: a test names only what it is about."""

from pathlib import Path
from typing import Any

from gitgate.plugin import GitRequest, Identity, Peer, Repository, Service, Transport


def a_peer(transport: Transport = Transport.SSH, **changes: Any) -> Peer:
    """A client at 192.0.2.7 (an address that RFC 5737 keeps for examples)."""
    encrypted = transport in (Transport.SSH, Transport.HTTPS)
    return Peer(**{"transport": transport, "address": "192.0.2.7", "port": 51822, "encrypted": encrypted, **changes})


def an_identity(name: str = "alice", *groups: str) -> Identity:
    """Somebody who has logged in, with these groups."""
    return Identity(name=name, groups=frozenset(groups))


def a_fetch(path: str = "/team/app", **changes: Any) -> GitRequest:
    """A request to read."""
    return _a_request(Service.UPLOAD_PACK, path, changes)


def a_push(path: str = "/team/app", **changes: Any) -> GitRequest:
    """A request to write."""
    return _a_request(Service.RECEIVE_PACK, path, changes)


def a_repository(name: str = "team/app", **changes: Any) -> Repository:
    """A repository that need not be there."""
    return Repository(**{"directory": Path("/srv/git", f"{name}.git"), "name": name, **changes})


def _a_request(service: Service, path: str, changes: dict[str, Any]) -> GitRequest:
    defaults: dict[str, Any] = {
        "request_id": "req-1",
        "peer": a_peer(),
        "service": service,
        "path": path,
        "protocol": 2,
        "host": "git.example.org",
        "access": service.access,
    }
    return GitRequest(**(defaults | changes))
