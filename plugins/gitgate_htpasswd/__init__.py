"""Logs people in with the passwords of an Apache htpasswd file, and gives them the groups of an Apache AuthGroupFile.

The plugin is below. The modules beside it, in the order in which a login meets them:

    table.py          the users of a password file
    groups.py         the groups of a group file
    lines.py          what both files have in common, and how they can be malformed
    hashes.py         the kinds of hashes, and whether a password fits one
    libpass.py        the library for the older kinds
    verified.py       passwords that were right a short while ago
    attempts.py       the same name and password at the same time is hashed once
    yescrypt.py       the one kind that only the system's libcrypt computes
    edit.py           writes a line: `gitgate passwd`
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from gitgate.plugin import Duration, Identity, Password, Peer, Rejected, SettingsError, WatchedFile, hookimpl, in_thread
from gitgate_htpasswd import libpass
from gitgate_htpasswd.attempts import Attempts
from gitgate_htpasswd.groups import Groups, parse_groups
from gitgate_htpasswd.hashes import Hash, password_bytes
from gitgate_htpasswd.lines import MalformedFile
from gitgate_htpasswd.table import UserTable, load_users
from gitgate_htpasswd.verified import VerifiedPasswords

T = TypeVar("T")


_REMEMBER: Final = Duration.parse("5m")


@dataclass(frozen=True)
class HtpasswdSettings:
    """`file` holds the passwords; `groups`, where given, an Apache AuthGroupFile: `group: user user`.

    For as long as `remember`, a password that was right is not hashed again.
    """

    file: Path
    groups: Path | None = None
    remember: Duration = _REMEMBER


class HtpasswdPlugin:
    """Answers for the users of one htpasswd file. Safe to ask from several threads at once."""

    settings_type = HtpasswdSettings
    accepts = (Password,)

    def __init__(self, settings: HtpasswdSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            libpass.prepare()
        except libpass.LibpassUnusable as error:
            raise SettingsError(str(error)) from error
        self._users: WatchedFile[UserTable] = _watch("file", settings.file, load_users, clock)
        self._verified = VerifiedPasswords(float(settings.remember), clock=clock)
        self._attempts = Attempts()
        self._groups: WatchedFile[Groups] | None = None
        if settings.groups is not None:
            self._groups = _watch("groups", settings.groups, parse_groups, clock)

    @hookimpl
    async def authenticate(self, credentials: Password, peer: Peer) -> Identity | Rejected | None:
        """The user with the file's groups; Rejected for a wrong password; None for a user who is not in the file."""
        users = await self._users.latest()
        entry = users.entries.get(credentials.username)
        password = password_bytes(credentials.password)
        if password is None:
            return None if entry is None else Rejected("a password that no hash can have")
        attempt = (credentials.username, password, entry)
        if isinstance(entry, Hash):
            verify = partial(self._verified.fits, password, entry)
            if not (self._verified.knows(password, entry) or await in_thread(self._attempts.share, attempt, verify)):
                return Rejected("wrong password")
            return Identity(name=credentials.username, groups=await self._groups_of(credentials.username))
        await in_thread(self._attempts.share, attempt, partial(users.spend_the_time_of_a_login, password))
        return None if entry is None else Rejected(entry.reason)

    @hookimpl
    async def enrich_identity(self, identity: Identity, peer: Peer) -> Identity | None:
        """The identity with the file's groups, however it logged in; None where it has them all."""
        groups = await self._groups_of(identity.name)
        if identity.is_anonymous or groups <= identity.groups:
            return None
        return replace(identity, groups=identity.groups | groups)

    async def _groups_of(self, username: str) -> frozenset[str]:
        return frozenset() if self._groups is None else (await self._groups.latest()).get(username, frozenset())


def _watch(key: str, path: Path, parse: Callable[[bytes, Path], T], clock: Callable[[], float]) -> WatchedFile[T]:
    try:
        return WatchedFile(path, lambda data: parse(data, path), clock=clock)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}", key=key) from error
    except MalformedFile as error:
        raise SettingsError(str(error), key=key) from error
