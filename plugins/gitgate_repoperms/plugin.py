"""The plugin: settings, and the answer to `authorize`."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitgate.plugin import (
    ANONYMOUS,
    Access,
    Allow,
    Deny,
    GitRequest,
    Identity,
    Repository,
    SettingsError,
    WatchedFile,
    hookimpl,
)
from gitgate_repoperms.table import Entry, RepopermsError, parse_table


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which file, and whether everybody may do what `anonymous` may.

    GitServerGlue did not do the latter: with `anonymous = r`, somebody who had logged in could not read.
    """

    file: Path
    anonymous_implies_all: bool = True


class RepopermsPlugin:
    """Says what a user may do with a repository, as GitServerGlue's `.repoperms` does.

    A section is for the repository of exactly that name, so `[app]` is not for `team/app`. `w` alone is enough to
    push, and so to see the names of the refs, which every push begins with. No value permits to create a repository.
    Changes are in use within about a second; a change that cannot be read is logged, and the table before it stays.
    """

    settings_type: Final = Settings

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        name = os.fspath(settings.file)
        self._anonymous_implies_all = settings.anonymous_implies_all
        try:
            self._table = WatchedFile(settings.file, lambda content: parse_table(content, name), clock=clock)
        except OSError as error:
            raise SettingsError(f"cannot read {error.filename!r}: {error.strerror}", key="file") from error
        except RepopermsError as error:
            raise SettingsError(str(error), key="file") from error

    @hookimpl
    async def authorize(self, identity: Identity, request: GitRequest, repository: Repository) -> Allow | Deny | None:
        """Allow where a line gives the right, Deny where the user's own line does not, None where no line says.

        A user's `-` is final, also where `anonymous` may more. To create a repository is denied to those who may not
        write; otherwise it is for another plugin to decide.
        """
        section = (await self._table.latest()).get(repository.name, {})
        own = section.get(identity.name)
        for_all = section.get(ANONYMOUS.name) if self._anonymous_implies_all else None
        if own is not None and request.access in own.rights:
            return Allow(_words(own, identity.name, repository))
        if for_all is not None and request.access in for_all.rights and (own is None or own.rights):
            return Allow(_words(for_all, ANONYMOUS.name, repository))
        if own is None or (request.access is Access.CREATE and Access.WRITE in own.rights):
            return None
        return Deny(_words(own, identity.name, repository))


def _words(entry: Entry, name: str, repository: Repository) -> str:
    return f"{entry.place}: {name} = {entry.value} in [{repository.name}]"
