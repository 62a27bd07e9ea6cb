"""Requests for a repository, and plugins on a file in a temporary folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gitgate_repoperms import RepopermsPlugin, Settings
from hand_clock import HandClock

from gitgate.plugin import Access, GitRequest, Peer, Repository, Service, Transport

SERVICES = {
    Access.READ: Service.UPLOAD_PACK,
    Access.WRITE: Service.RECEIVE_PACK,
    Access.CREATE: Service.RECEIVE_PACK,
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".repoperms"


@pytest.fixture
def plugin_on(file: Path, clock: HandClock) -> Callable[..., RepopermsPlugin]:
    """Makes a plugin on a file with this text."""

    def make(text: str, *, anonymous_implies_all: bool = True) -> RepopermsPlugin:
        file.write_text(text)
        return RepopermsPlugin(Settings(file=file, anonymous_implies_all=anonymous_implies_all), clock=clock)

    return make


@pytest.fixture(scope="session")
def request_for() -> Callable[..., GitRequest]:
    """Makes a request for this access to the repository of this name."""

    def make(access: Access, name: str = "team/app", *, service: Service | None = None) -> GitRequest:
        return GitRequest(
            request_id="r1",
            peer=Peer(transport=Transport.HTTPS, address="192.0.2.7", port=50123, encrypted=True),
            service=service or SERVICES[access],
            path=f"/{name}.git",
            protocol=2,
            host=None,
            access=access,
        )

    return make


@pytest.fixture(scope="session")
def repository() -> Callable[..., Repository]:
    """Makes the repository of this name."""

    def make(name: str = "team/app") -> Repository:
        return Repository(directory=Path("/srv/git") / f"{name}.git", name=name)

    return make
