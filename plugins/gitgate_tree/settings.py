"""What stands in the configuration, and what can be wrong with it before any folder is looked at."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gitgate.plugin import SettingsError
from gitgate_tree.names import written_name
from gitgate_tree.patterns import name_pattern

_HOST: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: A part of what git allows for a branch (git-check-ref-format(1)).
_BRANCH: Final = re.compile(
    r"(?!.*(\.\.|\.lock(/|$)|\.(/|$)))[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
)


@dataclass(frozen=True, kw_only=True)
class Root:
    """One of several folders of repositories.

    The names of its repositories, which rules are about, begin with `prefix`. So do the paths, for a root that is open
    to everybody: what stands at `x/app` in the root with the prefix `attic` is asked for as `/attic/x/app`.

    A root with `hosts` or `usernames` is a tenant's: it is reached through these names of the server, or with these
    user names in the URL (either is enough, as ssh does not tell the host), and then it is all there is. Its prefix
    stands in the names alone: `https://git.customer.example/app` is called `customer/app`. A client writes both as it
    likes: they say which repository is meant, and prove nothing. Who may read it is for the rules.
    """

    root: Path
    prefix: str = ""
    hosts: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.prefix:
            _check("prefix", self.prefix, written_name)
        elif self.hosts or self.usernames:
            raise SettingsError(
                "a root with hosts or usernames needs a prefix: by it, rules tell its repositories from all others",
                key="prefix",
            )
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise SettingsError(f"{host!r}: write the name of the host alone, without scheme and port", key="hosts")
        if "" in self.usernames:
            raise SettingsError("a user name is not empty", key="usernames")


@dataclass(frozen=True, kw_only=True)
class Alias:
    """Where a renamed repository is now: `to` is its name.

    `until` is the last day (UTC) on which the old name leads there. After it, the old name leads nowhere, and stays
    reserved for as long as the alias is written down.
    """

    to: str
    until: str | None = None

    def __post_init__(self) -> None:
        _check("to", self.to, written_name)
        if self.until is not None:
            _check("until", self.until, _date)

    @property
    def last_day(self) -> date | None:
        """`until` as a date."""
        return None if self.until is None else _date(self.until)


@dataclass(frozen=True, kw_only=True)
class CreateOnPush:
    """Which repositories a push may make, if `authorize` allows it to create, and how they are made.

    `names` are `patterns`. `template` is a folder that is copied into the new repository (git-init(1), "TEMPLATE
    DIRECTORY"): hooks, a config. Without one it is bare in every sense. `git` is the program that makes them; without
    it, the first on PATH.
    """

    names: tuple[str, ...] = ("**",)
    template: Path | None = None
    default_branch: str = "main"
    git: Path | None = None

    def __post_init__(self) -> None:
        if not self.names:
            raise SettingsError('is empty, so that nothing could be made; write ["**"] for all names', key="names")
        for name in self.names:
            _check("names", name, name_pattern)
        if not _BRANCH.fullmatch(self.default_branch):
            raise SettingsError(f"{self.default_branch!r} is no name for a branch", key="default_branch")


@dataclass(frozen=True, kw_only=True)
class TreeSettings:
    """Which folders are served, and how.

    Either `root`, one folder for all paths, or `roots`. `aliases` leads from the old names of repositories to what is
    there now. `create_on_push` lets a push make a repository. `export_ok` serves only those with a file
    `git-daemon-export-ok`, as git daemon does without --export-all; repositories that are made get it.

    `allow_symlinks` lets symbolic links lead out of a root, and lets a repository's `objects` and `refs` be links; a
    link to another repository below the same root needs no permission.
    """

    root: Path | None = None
    roots: tuple[Root, ...] = ()
    aliases: Mapping[str, str | Alias] = field(default_factory=lambda: MappingProxyType({}))
    create_on_push: bool | CreateOnPush = False
    export_ok: bool = False
    allow_symlinks: bool = False

    def __post_init__(self) -> None:
        if (self.root is None) == (not self.roots):
            raise SettingsError("write either root, for one folder, or roots, for several", key="root")
        _once("prefix", (root.prefix for root in self.roots))
        _once("host", (host.lower() for root in self.roots for host in root.hosts))
        _once("user name", (username for root in self.roots for username in root.usernames))
        for old, alias in self.aliases.items():
            _check("aliases", old, written_name)
            if isinstance(alias, str):
                _check("aliases", alias, written_name)

    @property
    def all_roots(self) -> tuple[Root, ...]:
        """`roots`, or `root` as the only one."""
        return self.roots if self.root is None else (Root(root=self.root),)

    @property
    def all_aliases(self) -> dict[str, Alias]:
        """`aliases`, the short ones written out."""
        return {old: Alias(to=alias) if isinstance(alias, str) else alias for old, alias in self.aliases.items()}

    @property
    def creation(self) -> CreateOnPush | None:
        """How repositories are made; None where none are."""
        if isinstance(self.create_on_push, CreateOnPush):
            return self.create_on_push
        return CreateOnPush() if self.create_on_push else None


def _once(kind: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise SettingsError(f"two roots have the {kind} {value!r}, and a path could mean either", key="roots")
        seen.add(value)


def _date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r}: write a day as 2027-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}; write a day as 2027-01-31") from None


def _check(key: str, text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except ValueError as error:
        raise SettingsError(str(error), key=key) from None
