"""A server that is embedded, and its audit log: opened before anything else, closed after the last record."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from reactor_fixtures import Run
from twisted.internet.defer import Deferred

from gitgate.plugin import Allow, GitRequest, Repository, hookimpl
from gitgate.server import AuditLogUnusable, AuditSettings, Listener, Member, Server

REQUEST = b"git-upload-pack /app\0host=x\0"


class Slow:
    """Finds every repository, and never says whether it may be read."""

    def __init__(self) -> None:
        self.asked: Deferred[None] = Deferred()
        self.stopped_with: str | None = None

    @hookimpl
    async def resolve_path(self, request: GitRequest) -> Repository:
        return Repository(directory=Path("/nowhere/app.git"), name="app")

    @hookimpl
    async def authorize(self) -> Allow:
        self.asked.callback(None)
        await Deferred()
        raise AssertionError("nothing fires this Deferred")


def connect(server: Server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(server.doors[0].url.rpartition(":")[2])))
    connection.sendall(b"%04x%b" % (len(REQUEST) + 4, REQUEST))
    return connection


def test_an_operation_that_the_end_of_the_server_ends_is_recorded(
    running_reactor: Any, run: Run, tmp_path: Path
) -> None:
    """It waits for a plugin, and no git runs for it; it ends when its connection is aborted, the last thing of all."""
    slow = Slow()
    file = tmp_path / "audit.jsonl"
    server = Server(
        reactor=running_reactor,
        listen=[Listener.at("git://127.0.0.1:0")],
        members=[Member(name="slow", plugin=slow)],
        audit=AuditSettings(file=file),
    )

    async def life() -> None:
        await server.start()
        with connect(server):
            await slow.asked
            await server.stop()

    run(life())

    (record,) = map(json.loads, file.read_text().splitlines())
    assert (record["verdict"], record["reason"], record["path"]) == ("aborted", "the server stopped", "/app")


def test_an_audit_log_that_cannot_be_opened_opens_no_door(running_reactor: Any, run: Run, tmp_path: Path) -> None:
    server = Server(
        reactor=running_reactor,
        listen=[Listener.at("git://127.0.0.1:0")],
        members=[],
        audit=AuditSettings(file=tmp_path / "lost" / "audit.jsonl"),
    )

    with pytest.raises(AuditLogUnusable):
        run(server.start())

    assert server.doors == ()


def test_a_door_that_is_blocked_leaves_no_open_file(running_reactor: Any, run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(
            reactor=running_reactor,
            listen=[Listener.at(f"git://127.0.0.1:{taken.getsockname()[1]}")],
            members=[],
            audit=AuditSettings(file=tmp_path / "audit.jsonl"),
        )

        with pytest.raises(Exception, match="Address already in use"):
            run(server.start())

    assert str(tmp_path / "audit.jsonl") not in {str(path.readlink()) for path in open_files()}


def open_files() -> list[Path]:
    return [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
