"""A plugin in front of a real slapd, built from keys as a configuration holds them, with a clock that tests move."""

import json
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_directory import FakeDirectory
from gitgate_ldap import LdapPlugin, LdapSettings
from hand_clock import HandClock
from pydantic import TypeAdapter
from slapd import GROUPS, PEOPLE, SERVICE, SERVICE_PASSWORD, Slapd
from waiting import wait_until

from gitgate.plugin import Identity, Password, PublicKey, Rejected
from gitgate.testing import a_peer

_SETTINGS = TypeAdapter(LdapSettings)

Answer = Identity | Rejected | None


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """The directory that most tests share, and none changes."""
    running = Slapd(tmp_path_factory.mktemp("slapd")).start()
    yield running
    running.kill()


@pytest.fixture
def another_slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Slapd]]:
    """Starts a directory of one's own: to be changed, killed or frozen."""
    running: list[Slapd] = []

    def start(**options: Any) -> Slapd:
        running.append(Slapd(tmp_path_factory.mktemp("slapd"), **options).start())
        return running[-1]

    yield start
    for each in running:
        each.kill()


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeDirectory]]:
    """Starts a server that answers what it is told to."""
    running: list[FakeDirectory] = []

    def start(reply: Callable[[bytes], bytes | None]) -> FakeDirectory:
        running.append(FakeDirectory(reply))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.fixture
def read_settings() -> Callable[..., LdapSettings]:
    """The settings that these keys make. Raises pydantic's ValidationError."""
    return lambda **keys: _SETTINGS.validate_json(json.dumps(keys), strict=True)


@pytest.fixture
def ldap(
    request: pytest.FixtureRequest, read_settings: Callable[..., LdapSettings], clock: HandClock
) -> Iterator[Callable[..., LdapPlugin]]:
    """A plugin for the shared directory, or for other `uris`. A key that is None is left out."""
    plugins: list[LdapPlugin] = []

    def build(**keys: Any) -> LdapPlugin:
        defaults = {
            "bind_dn": SERVICE,
            "bind_password": SERVICE_PASSWORD,
            "user_base": PEOPLE,
            "group_base": GROUPS,
        }
        if "uris" not in keys:
            keys["uris"] = [request.getfixturevalue("slapd").ldap]
        given = {key: value for key, value in (defaults | keys).items() if value is not None}
        plugins.append(LdapPlugin(read_settings(**given), clock=clock))
        return plugins[-1]

    yield build
    for plugin in plugins:
        plugin.stopping()


@pytest.fixture
def wait_until_in() -> Callable[..., None]:
    """Waits until each of some threads is in a function of this name."""

    def is_in(function: str, thread: threading.Thread) -> bool:
        frame = sys._current_frames().get(thread.ident or 0)
        return frame is not None and any(entry.name == function for entry in traceback.extract_stack(frame))

    def wait(function: str, *threads: threading.Thread) -> None:
        wait_until(lambda: all(is_in(function, thread) for thread in threads), f"some are not in {function}")

    return wait


@pytest.fixture
def log_in() -> Callable[..., Answer]:
    """Asks a plugin about a name and a password; the password of the tests' directory where none is given."""

    def ask(plugin: LdapPlugin, username: str, password: str | None = None) -> Answer:
        password = f"{username}-password" if password is None else password
        return plugin.authenticate(Password(username=username, password=password), a_peer())

    return ask


@pytest.fixture
def offer_key() -> Callable[..., Answer]:
    """Asks a plugin about a key."""

    def ask(plugin: LdapPlugin, username: str, blob: bytes, *, verified: bool = True) -> Answer:
        key = PublicKey(
            username=username, algorithm="ssh-ed25519", blob=blob, fingerprint="SHA256:x", verified=verified
        )
        return plugin.authenticate(key, a_peer())

    return ask
