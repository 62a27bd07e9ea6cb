"""Runs git for one operation after the other, and no more of them at once than the configuration allows."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from twisted.internet.defer import CancelledError, Deferred

from gitgate.git.child import keep_descriptors_to_ourselves
from gitgate.git.command import Exchange, Git, GitCommand
from gitgate.git.process import Client, GitExit, GitProcess, HookFound, Overheard
from gitgate.git.push import Judge, Push, PushTerms, RunGit, room_for_commands
from gitgate.git.repository_hooks import HookFolder, hooks_of
from gitgate.plugin import Access, GitRequest, Identity, Repository
from gitgate.reactor import Reactor
from gitgate.refusals import Overloaded, Unavailable


class GitRunner:
    """Starts git, connects it with its client, and waits for its end."""

    def __init__(self, reactor: Reactor, git: Git, *, max_operations: int, idle_deadline_seconds: float) -> None:
        keep_descriptors_to_ourselves()
        self._reactor = reactor
        self._git = git
        self._max_operations = max_operations
        self._idle_deadline_seconds = idle_deadline_seconds
        self._room = room_for_commands()
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
        with self._operation():
            return await self._run(self._git.command(request, repository, identity, exchange), request.access, client)

    async def push(
        self,
        request: GitRequest,
        repository: Repository,
        identity: Identity,
        exchange: Exchange,
        client: Client,
        judge: Judge,
    ) -> GitExit:
        """How a push ended, whose commands `judge` has allowed or refused before git has seen them.

        Raises what `run` raises, and `MalformedRequest`.
        """

        began = self._reactor.seconds()

        async def receive(terms: PushTerms) -> RunGit:
            try:
                return await prepare(terms)
            except OSError as error:
                why = f"the push could not be prepared: {error}"
                raise Unavailable(why, request_id=request.request_id) from error

        async def prepare(terms: PushTerms) -> RunGit:
            command = self._git.command(request, repository, identity, Exchange.STATELESS)
            if exchange is Exchange.CONVERSATION:
                # The process that gave out the nonce of a signed push has ended. For the one that checks it, one that
                # is no older than this conversation is as good as its own; git would call it SLOP after a second.
                command = command.configured("receive.certNonceSlop", str(int(self._reactor.seconds() - began) + 2))
            if terms.forward_only:
                folder = HookFolder(await hooks_of(command, repository, self._reactor))
                made.callback(folder.remove)
                command = folder.into(command)
            return partial(self._run, command, request.access)

        advertise: RunGit | None = None
        if exchange is Exchange.CONVERSATION:
            advertising = self._git.command(request, repository, identity, Exchange.ADVERTISEMENT)
            advertise = partial(self._run, advertising, Access.READ)
        with self._operation(), ExitStack() as made:
            push = Push(self._reactor, client, idle_deadline_seconds=self._idle_deadline_seconds, room=self._room)
            return await push.serve(advertise, judge, receive)

    @contextmanager
    def _operation(self) -> Iterator[None]:
        if self._stopping:
            raise Overloaded("the server is stopping")
        if self._running >= self._max_operations:
            raise Overloaded(f"{self._running} operations are running, as many as limits.max_operations allows")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            while not self._running and self._waiting:
                self._waiting.pop().callback(None)

    async def _run(
        self,
        command: GitCommand,
        access: Access,
        client: Client,
        hook_found: HookFound | None = None,
        overheard: Overheard | None = None,
    ) -> GitExit:
        process = GitProcess(
            self._reactor,
            client,
            idle_deadline_seconds=self._idle_deadline_seconds,
            writes_repository=access is not Access.READ,
        )
        process.start(command, hook_found, overheard)
        while True:
            try:
                return await process.ended()
            except CancelledError:
                process.abandon()
