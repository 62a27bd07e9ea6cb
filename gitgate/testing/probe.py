"""Asks one plugin, as a server would."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar, cast

from gitgate.plugin import (
    Access,
    Allow,
    Credentials,
    Deny,
    Finding,
    GitRequest,
    Identity,
    Missing,
    Peer,
    Rejected,
    Repository,
)
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.plugin_registration import Member
from gitgate.testing.builders import a_peer, a_repository
from gitgate.testing.waiting_loop import WaitingLoop

T = TypeVar("T")

_NAME: Final = "probe"


class Probe:
    """One plugin behind the same checks, threads and deadline as in a server; each method returns its answer.

    What a server would report as the plugin's failure is raised as `PluginFailure`, whose cause is the plugin's own
    exception. No Twisted reactor runs: an async hook may await what needs none.
    """

    def __init__(self, plugin: object, *, deadline_seconds: float = 10.0) -> None:
        """Raises `PluginUnsuitable` where a server would refuse to load the plugin."""
        self._loop = WaitingLoop()
        member = Member(name=_NAME, plugin=plugin, deadline_seconds=deadline_seconds)
        self._chain = PluginChain([member], self._loop.reactor)
        self._loop.run(self._chain.start())

    def authenticate(self, credentials: Credentials, peer: Peer | None = None) -> Identity | Rejected | None:
        """The plugin's answer to a login."""
        return _decision(self._loop.run(self._chain.authenticate(credentials, peer or a_peer())))

    def enrich_identity(self, identity: Identity, peer: Peer | None = None) -> Identity | Rejected:
        """The identity after the plugin has added what it knows, or its refusal."""
        answer = self._loop.run(self._chain.enrich_identity(identity, peer or a_peer()))
        return answer.decision if isinstance(answer, Ruling) else answer

    def resolve_path(self, identity: Identity, request: GitRequest) -> Repository | Missing | None:
        """Where the plugin says that the path leads."""
        return _decision(self._loop.run(self._chain.resolve_path(identity, request)))

    def authorize(
        self, identity: Identity, request: GitRequest, repository: Repository | None = None
    ) -> Allow | Deny | None:
        """The plugin's vote. The repository is the one that the path names, unless another is given."""
        repository = repository or a_repository(request.path.removeprefix("/").removesuffix(".git"))
        return _decision(self._loop.run(self._chain.authorize(identity, request, repository)))

    def create_repository(
        self, identity: Identity, request: GitRequest, repository: Repository | None = None
    ) -> Repository | None:
        """What the plugin has made. The repository is the one that the path names, unless another is given.

        It is asked as a server asks: for `Access.CREATE`, and for a repository that is not there.
        """
        request = replace(request, access=Access.CREATE)
        repository = repository or a_repository(request.path.removeprefix("/").removesuffix(".git"), exists=False)
        return _decision(self._loop.run(self._chain.create_repository(identity, request, repository)))

    def list_repositories(self, identity: Identity) -> list[str]:
        """The paths that the plugin lists."""
        listed = self._loop.run(self._chain.ask(_NAME, "list_repositories", identity=identity))
        return list(cast(Sequence[str], listed or ()))

    def check_online(self) -> list[Finding]:
        """What the plugin finds when it looks at what it depends on."""
        return list(cast(Sequence[Finding], self._loop.run(self._chain.ask(_NAME, "check_online")) or ()))

    def close(self) -> None:
        """Tell the plugin that the server stops."""
        self._loop.run(self._chain.stop())


def _decision(ruling: Ruling[T] | None) -> T | None:
    return None if ruling is None else ruling.decision
