"""The plugin: settings, and the answer to `authenticate`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitgate.plugin import Identity, Peer, PublicKey, Rejected, SettingsError, WatchedFiles, hookimpl
from gitgate_authorized_keys.bad_line import BadLine
from gitgate_authorized_keys.key_files import (
    KeyFiles,
    KeyIndex,
    TwoUsersError,
    check_user_name,
    refuse_shared_keys,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the keys are; at least one of `file` and `directory`.

    `file` has lines `user: [options] type key [comment]`; several lines of one user add up. `directory` has one
    authorized_keys file for each user: `alice`, `alice.pub`, or `alice@laptop.pub` as in gitolite. Its folders are
    not searched (a key that is moved into `old/` is out of use), nor are hidden files and editors' leftovers.
    Who logs in under the name `shared_user`, as in ssh://git@host, is whom the key belongs to.
    """

    file: Path | None = None
    directory: Path | None = None
    shared_user: str | None = None


class AuthorizedKeysPlugin:
    """Logs in whoever holds a key that is listed for the name they give.

    Keys are compared whole, as they are on the wire. Changes are in use within about a second; while they cannot be
    read, what was read before stays in use. `wall_clock` gives Unix time, for `expiry-time`; `clock` only rises.
    """

    settings_type: Final = Settings
    accepts: Final = (PublicKey,)

    def __init__(
        self,
        settings: Settings,
        *,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if settings.file is None and settings.directory is None:
            raise SettingsError("needs `file`, `directory` or both, to know any keys")
        if settings.shared_user is not None:
            try:
                check_user_name(settings.shared_user)
            except BadLine as error:
                raise SettingsError(str(error), key="shared_user") from None
        self._shared_user = settings.shared_user
        self._wall_clock = wall_clock
        self._files = KeyFiles(settings.file, settings.directory)
        try:
            self._keys = WatchedFiles(self._files.find, self._index, clock=clock)
        except OSError as error:
            key = "file" if error.filename == str(settings.file) else "directory"
            raise SettingsError(f"cannot read {error.filename!r}: {error.strerror}", key=key) from error
        except TwoUsersError as error:
            raise SettingsError(str(error), key="shared_user") from error

    @hookimpl
    def authenticate(self, credentials: PublicKey, peer: Peer) -> Identity | Rejected | None:
        """The user for whom the key is listed.

        None for a key that is not listed for this name, even if the name has other keys here: a client offers its keys
        one after the other, and a plugin further down may know this one. Rejected for a key that is listed, but not
        usable now or from this address: that is an answer, and nobody further down should give another.
        """
        listed = self._keys.current().get(credentials.blob, ())
        if credentials.username != self._shared_user:
            listed = tuple(key for key in listed if key.user == credentials.username)
        if not listed:
            return None
        objections = []
        for key in listed:
            objection = key.conditions.objection(peer.address, self._wall_clock())
            if objection is None:
                return Identity(name=key.user)
            objections.append(f"{objection} ({key.place})")
        return Rejected(f"{credentials.fingerprint} of {listed[0].user} is not usable now: {'; '.join(objections)}")

    def _index(self, contents: Mapping[Path, bytes]) -> KeyIndex:
        index = self._files.index(contents)
        if self._shared_user is not None:
            refuse_shared_keys(index)
        return index
