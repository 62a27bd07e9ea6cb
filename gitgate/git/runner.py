"""Runs git for one operation after the other, and no more of them at once than the configuration allows."""

from twisted.internet.defer import CancelledError, Deferred

from gitgate.git.child import keep_descriptors_to_ourselves
from gitgate.git.command import Exchange, Git
from gitgate.git.process import Client, GitExit, GitProcess
from gitgate.plugin import Access, GitRequest, Identity, Repository
from gitgate.reactor import Reactor
from gitgate.refusals import Overloaded


class GitRunner:
    """Starts git, connects it with its client, and waits for its end."""

    def __init__(self, reactor: Reactor, git: Git, *, max_operations: int, idle_deadline_seconds: float) -> None:
        keep_descriptors_to_ourselves()
        self._reactor = reactor
        self._git = git
        self._max_operations = max_operations
        self._idle_deadline_seconds = idle_deadline_seconds
        self._running = 0
        self._stopping = False
        self._waiting: list[Deferred[None]] = []

    def stop(self) -> "Deferred[None]":
        """Start nothing more. Fires once everything that runs has ended."""
        self._stopping = True
        ended: Deferred[None] = Deferred()
        if self._running:
            self._waiting.append(ended)
        else:
            ended.callback(None)
        return ended

    async def run(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange, client: Client
    ) -> GitExit:
        """How git ended, once it has. Cancelling means that the client is gone: git is ended, and then this returns.

        Raises `Overloaded` where as many run as may, and OSError where git cannot be started.
        """
        if self._stopping:
            raise Overloaded("the server is stopping")
        if self._running >= self._max_operations:
            raise Overloaded(f"{self._running} operations are running, as many as limits.max_operations allows")
        process = GitProcess(
            self._reactor,
            client,
            idle_deadline_seconds=self._idle_deadline_seconds,
            writes_repository=request.access is not Access.READ,
        )
        command = self._git.command(request, repository, identity, exchange)
        self._running += 1
        try:
            process.start(command)
            while True:
                try:
                    return await process.ended()
                except CancelledError:
                    process.abandon()
        finally:
            self._running -= 1
            while not self._running and self._waiting:
                self._waiting.pop().callback(None)
