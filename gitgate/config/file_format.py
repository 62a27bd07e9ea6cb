"""The file as it is written: what loading reads, and what the JSON Schema for editors is made of."""

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from gitgate.config.checks import Checked, positive, public_url
from gitgate.config.listener import ListenUrl, TlsSettings
from gitgate.config.model import DEFAULT_DEADLINE, AuditSettings, GitSettings, Limits, LogSettings
from gitgate.plugin import Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenEntry:
    """One place where gitgate listens."""

    url: ListenUrl
    host_keys: tuple[Path, ...] | None = None
    tls: TlsSettings | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicUrls:
    """The URLs under which clients know the server."""

    ssh: Annotated[str, Checked(public_url("ssh://"))] | None = None
    http: Annotated[str, Checked(public_url("https://", "http://"))] | None = None
    git: Annotated[str, Checked(public_url("git://"))] | None = None


def _instance_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("must be made of letters, digits, and . _ - which cannot stand first")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedKeys:
    """The keys that an entry of `plugins` may have whatever the plugin; all others are the plugin's settings."""

    use: str
    name: Annotated[str, Checked(_instance_name)] | None = None
    deadline: Annotated[Duration, Checked(positive)] = DEFAULT_DEADLINE
    on_error: Literal["refuse", "abstain"] = "refuse"
    hooks: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The whole file. What may stand in an entry of `plugins` depends on the plugin."""

    version: Literal[1]
    listen: tuple[ListenEntry, ...]
    plugins: tuple[dict[str, Any], ...]
    public_urls: PublicUrls = field(default_factory=PublicUrls)
    limits: Limits = field(default_factory=Limits)
    log: LogSettings = field(default_factory=LogSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    git: GitSettings = field(default_factory=GitSettings)


TOP_KEYS: Final = tuple(key.name for key in fields(ConfigFile))
RESERVED_KEYS: Final = frozenset(key.name for key in fields(ReservedKeys))
