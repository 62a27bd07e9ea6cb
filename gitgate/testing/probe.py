"""Asks one plugin, as a server would."""

import queue
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gitgate.plugin import Allow, Credentials, Deny, GitRequest, Identity, Missing, Peer, Rejected, Repository
from gitgate.plugin_chain import Member, PluginChain, Ruling
from gitgate.testing.builders import a_peer, a_repository

T = TypeVar("T")


class Probe:
    """One plugin behind the same checks, threads and deadline as in a server; each method returns its answer.

    What a server would report as the plugin's failure is raised as `gitgate.plugin_chain.PluginFailure`, whose cause is
    the plugin's own exception. No Twisted reactor runs: an async hook may await what needs none.
    """

    def __init__(self, plugin: object, *, deadline_seconds: float = 10.0) -> None:
        """Raises `gitgate.plugin_chain.PluginUnsuitable` where a server would refuse to load the plugin."""
        self._loop = _Loop()
        member = Member(name="probe", plugin=plugin, deadline_seconds=deadline_seconds)
        self._chain = PluginChain([member], self._loop)
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

    def close(self) -> None:
        """Tell the plugin that the server stops."""
        self._loop.run(self._chain.stop())


def _decision(ruling: Ruling[T] | None) -> T | None:
    return None if ruling is None else ruling.decision


class _Loop(Clock):
    """As much of a reactor as threads and deadlines need, in the thread that asks."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._began = time.monotonic()

    def callFromThread(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._calls.put(lambda: call(*arguments))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        answer = Deferred.fromCoroutine(coroutine)
        outcome: list[T] = []
        errors: list[BaseException] = []
        answer.addCallbacks(outcome.append, lambda failure: errors.append(failure.value))
        while not outcome and not errors:
            try:
                self._calls.get(timeout=0.01)()
            except queue.Empty:
                pass
            self.advance(time.monotonic() - self._began - self.seconds())
        if errors:
            raise errors[0]
        return outcome[0]
