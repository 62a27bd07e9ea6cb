"""A small set of installed plugins, and short ways to load a text or to list what is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import NoReturn

import pytest

from gitgate.config import Config, ConfigError, load_text
from gitgate.plugin import Duration, Identity, Peer, Secret, hookimpl


@dataclass(frozen=True)
class _Tls:
    ca_file: Path
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    uris: tuple[str, ...]
    password: Secret | None = None
    timeout: Duration = Duration.parse("5s")  # noqa: RUF009 - a Duration is frozen
    tls: _Tls | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    retries: int = 1


class _Directory:
    """Logs people in and gives them groups."""

    settings_type = _Settings

    def __init__(self, settings: _Settings) -> None:
        self.settings = settings

    @hookimpl
    def authenticate(self, credentials: object, peer: Peer) -> None: ...

    @hookimpl
    def enrich_identity(self, identity: Identity, peer: Peer) -> None: ...


class _Policy:
    """Has no settings, and answers two kinds of questions."""

    @hookimpl
    def authenticate(self, credentials: object, peer: Peer) -> None: ...

    @hookimpl
    def authorize(self, identity: Identity) -> None: ...

    @hookimpl
    def audited(self, record: object) -> None: ...


@dataclass(frozen=True)
class Installed:
    """An installed plugin; `found` is its class, or what its import raises."""

    found: object
    value: str = "example:Plugin"

    def load(self) -> object:
        """The class."""
        if isinstance(self.found, BaseException):
            raise self.found
        return self.found


class _NamedByNoTest:
    value = "unused:Unused"

    def load(self) -> NoReturn:
        raise AssertionError("a plugin that the configuration does not name was imported")


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Config]:
    """Loads a text that stands in the test's own folder. Keyword arguments install further plugins."""

    def load(text: str, environ: Mapping[str, str] | None = None, **plugins: object) -> Config:
        return load_text(
            dedent(text).removeprefix("\n"),
            base=tmp_path,
            environ={"HOME": "/home/git", **(environ or {})},
            installed={
                "directory": Installed(_Directory),
                "policy": Installed(_Policy),
                "unused": _NamedByNoTest(),
                **{name: Installed(found) for name, found in plugins.items()},
            },
        )

    return load


@pytest.fixture
def problems_of(load: Callable[..., Config]) -> Callable[..., list[str]]:
    """The lines of what is wrong with a text, without the file's name; an empty list where it loads."""

    def problems_of(text: str, environ: Mapping[str, str] | None = None, **plugins: object) -> list[str]:
        try:
            load(text, environ, **plugins)
        except ConfigError as error:
            return [line.removeprefix("gitgate.yaml:") for line in str(error).split("\n")]
        return []

    return problems_of


@pytest.fixture
def with_entry() -> Callable[[str], str]:
    """A whole file around one entry of `plugins`, which begins in line 4, column 5."""

    def with_entry(entry: str) -> str:
        lines = dedent(entry).strip().split("\n")
        return "version: 1\nlisten: [{url: 'git://127.0.0.1'}]\nplugins:\n  - " + "\n    ".join(lines) + "\n"

    return with_entry
