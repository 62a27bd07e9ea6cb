"""What somebody can reach: the repositories that plugins list, with the rights that they would be given."""

import logging
from dataclasses import dataclass, replace
from typing import Final

from gitgate.plugin import Access, Allow, GitRequest, Identity, Peer, Repository, Service
from gitgate.plugin_chain import PluginChain
from gitgate.reactor import Clock
from gitgate.refusals import Overloaded
from gitgate.turns import others
from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path
from gitgate.wire.printable import printable

_log = logging.getLogger(__name__)

_MOST_AT_ONCE: Final = 4

#: Paths that are judged before others come between: plugins that answer from memory let nobody in.
_MOST_IN_A_ROW: Final = 16

_LONGEST_LINE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachable:
    """A repository with what is allowed on it, in the order read, write, create. `path` is how clients ask for it."""

    path: str
    name: str
    rights: tuple[Access, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The repositories, sorted by path. Where it is not complete, there may be more."""

    repositories: tuple[Reachable, ...] = ()
    is_complete: bool = True

    def lines(self) -> list[str]:
        """One for each repository, for people: rights and path."""
        rights = [", ".join(access.value for access in found.rights) for found in self.repositories]
        width = max(map(len, rights), default=0)
        return [
            f"{words:<{width}}  {printable(found.path.removeprefix('/'), _LONGEST_LINE)}"
            for words, found in zip(rights, self.repositories, strict=True)
        ]

    def data(self) -> list[dict[str, object]]:
        """The same as plain data, for JSON."""
        return [
            {"path": found.path, "name": found.name, "rights": [access.value for access in found.rights]}
            for found in self.repositories
        ]


class Overviews:
    """Makes overviews, and not many at once: each costs every plugin up to three questions for each path."""

    def __init__(self, chain: PluginChain, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock
        self._running = 0

    async def of(self, identity: Identity, request: GitRequest, *, most: int, seconds: float) -> Overview:
        """Up to `most` repositories that `identity` can reach; those not looked at after `seconds` are left out.

        The rights are those of somebody who asks as `request` does, whose path does not matter. Rights on single refs
        are known only when a push names them. Raises `Overloaded`, and `PluginFailure`: an outage must not look as if
        there were nothing.
        """
        if self._running >= _MOST_AT_ONCE:
            raise Overloaded(f"{self._running} overviews are being made, as many as may be")
        self._running += 1
        try:
            return await self._look(identity, request, most, self._clock.seconds() + seconds)
        finally:
            self._running -= 1

    async def _look(self, identity: Identity, request: GitRequest, most: int, end: float) -> Overview:
        found: list[Reachable] = []
        listed = await self._chain.list_repositories(identity)
        paths = sorted({path for path in map(_normalized, listed) if path is not None})
        for number, path in enumerate(paths, 1):
            if len(found) == most or self._clock.seconds() >= end:
                return Overview(repositories=tuple(found), is_complete=False)
            reached = await _reach(self._chain, identity, replace(request, path=path))
            if reached is not None:
                found.append(reached)
            if number % _MOST_IN_A_ROW == 0:
                await others(self._clock)
        return Overview(repositories=tuple(found))


async def _reach(chain: PluginChain, identity: Identity, request: GitRequest) -> Reachable | None:
    """What is allowed on the repository; None where that is nothing, where there is none, and for its old paths."""
    resolved = await chain.resolve_path(identity, request)
    if resolved is None or not isinstance(resolved.decision, Repository) or resolved.decision.moved_to is not None:
        return None
    repository = resolved.decision
    rights = []
    for access in (Access.READ, Access.WRITE) if repository.exists else (Access.CREATE,):
        service = Service.UPLOAD_PACK if access is Access.READ else Service.RECEIVE_PACK
        ruling = await chain.authorize(identity, replace(request, service=service, access=access), repository)
        if ruling is not None and isinstance(ruling.decision, Allow):
            rights.append(access)
    return Reachable(path=request.path, name=repository.name, rights=tuple(rights)) if rights else None


def request_for_overview(request_id: str, peer: Peer, username: str | None, host: str | None = None) -> GitRequest:
    """The fetch, of no path in particular, of somebody who wants an overview."""
    return GitRequest(
        request_id=request_id,
        peer=peer,
        service=Service.UPLOAD_PACK,
        path="/",
        protocol=0,
        host=host,
        access=Access.READ,
        username=username,
    )


def _normalized(path: str) -> str | None:
    try:
        return normalize_path(path.encode())
    except (Malformed, UnicodeEncodeError) as error:
        _log.error("a plugin lists the path %s, which nobody can ask for: %s", printable(path), error)
        return None
