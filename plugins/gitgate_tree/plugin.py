"""The plugin: from a request's path to a repository below one of the roots."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from cachetools import TTLCache

from gitgate.plugin import (
    Access,
    Finding,
    GitRequest,
    Identity,
    Missing,
    Repository,
    SettingsError,
    hookimpl,
    in_thread,
)
from gitgate_tree.aliases import Aliases
from gitgate_tree.creation import Creation, CreationFailed
from gitgate_tree.names import Name, name_asked_for
from gitgate_tree.roots import Roots
from gitgate_tree.settings import TreeSettings
from gitgate_tree.survey import Surveyor
from gitgate_tree.walk import names_below

_log: Final = logging.getLogger(__name__)


#: A fetch asks two or three times for the same repository. Nothing is remembered of a path that leads nowhere; and who
#: pushes may make what is gone, so for a push nothing is taken from memory.
_SECONDS_REMEMBERED: Final = 1.0
_MOST_REMEMBERED: Final = 10_000


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A name that is asked for, and the one that it is an alias for today: mostly itself."""

    name: Name
    today: Name

    @property
    def by_alias(self) -> bool:
        return self.today is not self.name


class TreePlugin:
    """Answers `resolve_path` from folders of repositories, makes repositories in them, lists them and looks at them.

    `Tree` says which are served, `Roots` how they are called, `Aliases` how they were called before. A repository that
    was found is taken to be there for a second by who reads it.
    """

    settings_type = TreeSettings

    def __init__(
        self,
        settings: TreeSettings,
        *,
        today: Callable[[], date] = _today,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots = Roots(settings.all_roots, allow_symlinks=settings.allow_symlinks, export_ok=settings.export_ok)
        self._export_ok = settings.export_ok
        self._aliases = Aliases(settings.all_aliases, today=today)
        self._recent: TTLCache[Name, Repository] = TTLCache(_MOST_REMEMBERED, _SECONDS_REMEMBERED, timer=clock)
        self._creation = None
        if settings.creation is not None:
            self._creation = Creation(settings.creation, export_ok=settings.export_ok)
        for old, alias in settings.all_aliases.items():
            self._check_alias(old, alias.to)

    @hookimpl
    async def resolve_path(self, identity: Identity, request: GitRequest) -> Repository | Missing | None:
        """The repository that the path leads to; None where no root is for such paths.

        What gitgate's user may not look at is missing: whoever is told of an outage there knows that something stands
        there. A root that may not be entered is an outage, which says that of every path.
        """
        asked = self._asked(request)
        if not isinstance(asked, _Asked):
            return asked
        found: Repository | Missing | None = None
        if request.service.access is Access.READ:
            found = self._recent.get(asked.today)
        if found is None:
            found = await in_thread(self._find_or_promise, asked, identity, request)
            if isinstance(found, Repository) and found.exists:
                self._recent[asked.today] = found
        return self._with_its_new_path(asked, found)

    @hookimpl
    def create_repository(self, identity: Identity, request: GitRequest, repository: Repository) -> Repository | None:
        """The repository that `resolve_path` has promised. Two who make it at once get the same."""
        asked = self._asked(request)
        if not isinstance(asked, _Asked):
            return None
        answer = self._with_its_new_path(asked, self._find_or_promise(asked, identity, request))
        if answer == replace(repository, exists=True):
            return answer
        if self._creation is None or answer != repository:
            return None
        name = tuple(repository.name.split("/"))
        owner = self._roots.owner(name)
        assert owner is not None, "resolve_path has found it"
        self._creation.make(owner.root, name[len(owner.prefix) :])
        found = self._find(name)
        if isinstance(found, Missing):
            raise CreationFailed(f"something else took the place of {repository.directory}: {found.reason}")
        return found

    @hookimpl
    def list_repositories(self, identity: Identity) -> Sequence[str]:
        """The paths of all repositories in the roots for everybody. A tenant's have no path without its host."""
        paths = set()
        for tree in self._roots.for_everybody:
            for below in names_below(tree):
                name = (*tree.prefix, *below)
                try:
                    found = self._find(name)
                except OSError as error:
                    _log.warning("%r is not listed: %s", "/".join(name), error)
                    continue
                if isinstance(found, Repository) and found.name == "/".join(name):
                    paths.add(f"/{found.name}")
        return sorted(paths)

    @hookimpl
    def check_online(self) -> Sequence[Finding]:
        """How many repositories there are, and what keeps them from being read or pushed to."""
        surveyor = Surveyor(self._roots, self._find, creates=self._creation is not None, export_ok=self._export_ok)
        return list(surveyor.findings())

    def _asked(self, request: GitRequest) -> "_Asked | Missing | None":
        """Which name is asked for, without a look at the disk. None where it is no root's."""
        asked = name_asked_for(request.path)
        if isinstance(asked, Missing):
            return asked
        tenant = self._roots.tenant(request)
        name = asked if tenant is None else (*tenant.prefix, *asked)
        if self._roots.owner(name) is None:
            return None
        if self._roots.tenant_of(name) is not tenant:
            return Missing(f"{'/'.join(name)} is in a root for other hosts or user names")
        today = self._aliases.follow(name)
        return today if isinstance(today, Missing) else _Asked(name, today)

    def _find_or_promise(self, asked: "_Asked", identity: Identity, request: GitRequest) -> Repository | Missing:
        try:
            found = self._find(asked.today)
        except PermissionError as error:
            closed = self._roots.closed_below(error)
            if closed is None:
                raise
            whose = f"gitgate runs as the user with id {os.geteuid()}, who may not read it"
            _log.error("%s: %s; %s [%s]", closed, error.strerror, whose, request.request_id)
            return Missing(f"{closed} cannot be read: {error.strerror}")
        if isinstance(found, Missing) and not asked.by_alias and request.service.access is Access.WRITE:
            return self._new(asked.name, identity, found)
        return found

    def _with_its_new_path(self, asked: "_Asked", found: Repository | Missing) -> Repository | Missing:
        if asked.by_alias and isinstance(found, Repository):
            return replace(found, moved_to=self._roots.path(asked.today))
        return found

    def _find(self, name: Name) -> Repository | Missing:
        found = self._roots.find(name)
        if isinstance(found, Repository) and found.name in self._aliases:
            return Missing(f"{found.directory} has the name {found.name}, which is an alias for another repository")
        return found

    def _new(self, name: Name, identity: Identity, missing: Missing) -> Repository | Missing:
        """The repository that a push may make, or why there is none and none may be made."""
        owner = self._roots.owner(name)
        if self._creation is None or owner is None:
            return missing
        if refused := self._creation.why_not(name, identity):
            return Missing(f"{missing.reason}, and none is made: {refused}")
        place = owner.place_for_new(name[len(owner.prefix) :])
        if isinstance(place, Missing):
            return Missing(f"{missing.reason}, and none is made: {place.reason}")
        return Repository(directory=place, name="/".join(name), exists=False)

    def _check_alias(self, old: str, new: str) -> None:
        """Log what is odd about an alias. Raises SettingsError for one that cannot work."""
        names = [tuple(text.split("/")) for text in (old, new)]
        if any(self._roots.owner(name) is None for name in names):
            raise SettingsError(f"{old} -> {new}: no root has the prefix of either name", key="aliases")
        if self._roots.tenant_of(names[0]) is not self._roots.tenant_of(names[1]):
            raise SettingsError(f"{old} -> {new}: those who reach the one do not reach the other", key="aliases")
        try:
            if isinstance(self._roots.find(names[0]), Repository):
                _log.warning("aliases: %s -> %s hides the repository that is called %s", old, new, old)
            if new not in self._aliases and isinstance(found := self._find(names[1]), Missing):
                _log.warning("aliases: %s -> %s leads nowhere: %s", old, new, found.reason)
        except OSError as error:
            _log.warning("aliases: %s -> %s cannot be looked at: %s", old, new, error)
