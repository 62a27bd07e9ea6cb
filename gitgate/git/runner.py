"""Runs git for one operation after the other, and no more of them at once than the configuration allows."""

import os
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, cast

from twisted.internet.defer import CancelledError, Deferred

from gitgate.config.model import Limits
from gitgate.deadline import within
from gitgate.git.admission import Admission
from gitgate.git.answer_cache import AnswerCache
from gitgate.git.answers import Answers
from gitgate.git.child import keep_descriptors_to_ourselves
from gitgate.git.command import Exchange, Git, GitCommand
from gitgate.git.configured_hooks import without_configured_hooks
from gitgate.git.fetch import Answered, Fetch
from gitgate.git.pathless_client import PathlessOutput
from gitgate.git.process import Client, GitExit, GitProcess, HookFound, Overheard
from gitgate.git.push import Push, RunReceivePack, room_for_commands
from gitgate.git.push_terms import Judge, PushTerms
from gitgate.git.question import Question
from gitgate.git.repository_hooks import HookFolder, hooks_of
from gitgate.git.symbolic_refs import SymbolicRefs
from gitgate.plugin import Access, GitRequest, Identity, RefUpdate, Repository, Service
from gitgate.reactor import Reactor
from gitgate.refusals import Overloaded, Unavailable
from gitgate.wire.protocol_v2 import RequestV2
from gitgate.worker_threads import ThreadsBusy, WorkerThreads

#: For the disk to tell what stands in a few small files.
_SECONDS_TO_LOOK: Final = 10.0

#: Each of its requests stands for itself (gitprotocol-v2(5)).
_STATELESS_PROTOCOL: Final = 2


class GitRunner:
    """Starts git, connects it with its client, and waits for its end."""

    def __init__(self, reactor: Reactor, git: Git, limits: Limits, cache: AnswerCache | None = None) -> None:
        keep_descriptors_to_ourselves()
        self._reactor = reactor
        self._git = git
        self._admission = Admission(reactor, limits)
        self._threads = WorkerThreads(reactor, "repositories")
        self._answers = Answers(reactor, self._threads, self._admission, cache)
        self._idle_deadline_seconds = float(limits.idle_deadline)
        self._room = room_for_commands()
        self._running = 0
        self._stopping = False
        self._is_ended = False
        self._processes: set[GitProcess] = set()
        self._waiting: list[Deferred[None]] = []

    def stop(self) -> "Deferred[None]":
        """Start nothing more. Fires once everything that runs has ended."""
        self._stopping = True
        ended: Deferred[None] = Deferred()
        ended.addCallback(lambda _: self._end())
        if self._running:
            self._waiting.append(ended)
        else:
            ended.callback(None)
        return ended

    def end_at_once(self) -> None:
        """Start nothing more, and end every git that runs, with all that it has started, in about a second."""
        self._is_ended = True
        for process in tuple(self._processes):
            process.end_at_once()

    async def run(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange, client: Client
    ) -> GitExit:
        """How git ended, once it has. Cancelling means that the client is gone: git is ended, and then this returns.

        Raises `Overloaded` where as many run as may, and OSError where git cannot be started.
        """
        with self._operation(), ExitStack() as turns:
            if request.service is Service.UPLOAD_PACK and request.protocol == _STATELESS_PROTOCOL:
                return await self._fetch(request, repository, identity, exchange, client)
            turns.enter_context(await self._admission.begin(request, repository, identity))
            command = self._git.command(request, repository, identity, exchange)
            if exchange is Exchange.ADVERTISEMENT:
                return await self._run(command, request.access, client)
            return await self._run_without_paths(repository, command, request.access, client)

    async def _fetch(
        self, request: GitRequest, repository: Repository, identity: Identity, exchange: Exchange, client: Client
    ) -> GitExit:
        def advertising(client: Client) -> Awaitable[GitExit]:
            command = self._git.command(request, repository, identity, Exchange.ADVERTISEMENT)
            return self._run(command, Access.READ, client)

        def answering(asked: RequestV2 | None, client: Client) -> Awaitable[GitExit]:
            command = self._git.command(request, repository, identity, Exchange.STATELESS)
            if asked is not None and asked.command == "ls-refs":
                return self._run(command, Access.READ, client)  # it says nothing to people
            return self._run_without_paths(repository, command, Access.READ, client)

        # A turn for each question: who asks nothing, over ssh or git://, keeps nobody else from having one.
        async def advertise() -> bytes:
            with await self._admission.begin(request, repository, identity):
                return await self._answers.capabilities(repository, advertising)

        async def answer(fetch: Fetch, asked: RequestV2 | None, question: Question) -> Answered:
            run_git = partial(answering, asked)
            with ExitStack() as turns:
                turns.enter_context(await self._admission.begin(request, repository, identity))
                answered = await self._answers.answer(fetch, asked, question, repository, request.peer, run_git)
                return replace(answered, turn=turns.pop_all())

        fetch = Fetch(self._reactor, client, idle_deadline_seconds=self._idle_deadline_seconds)
        git = await fetch.serve(
            None if exchange is Exchange.STATELESS else advertise,
            None if exchange is Exchange.ADVERTISEMENT else answer,
            goes_on=exchange is Exchange.CONVERSATION,
        )
        self._answers.served(git)
        return git

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

        async def judge_also_where_refs_lead(updates: tuple[RefUpdate, ...]) -> PushTerms:
            return await (await self._symbolic_refs(request, repository, identity, updates)).judge(updates, judge)

        async def receive(terms: PushTerms) -> RunReceivePack:
            try:
                return await prepare(terms)
            except OSError as error:
                why = f"the push could not be prepared: {error}"
                raise Unavailable(why, request_id=request.request_id) from error

        async def prepare(terms: PushTerms) -> RunReceivePack:
            command = self._git.command(request, repository, identity, Exchange.STATELESS)
            if exchange is Exchange.CONVERSATION:
                # The process that gave out the nonce of a signed push has ended. For the one that checks it, one that
                # is no older than this conversation is as good as its own; git would call it SLOP after a second.
                command = command.configured("receive.certNonceSlop", str(int(self._reactor.seconds() - began) + 2))
            if not self._git.trust_repositories:
                command = await without_configured_hooks(command, repository, self._reactor)
            if terms.forward_only:
                folder = HookFolder(await hooks_of(command, repository, self._reactor))
                made.callback(folder.remove)
                command = folder.into(command)
            return partial(self._run_without_paths, repository, command, request.access)

        advertise: RunReceivePack | None = None
        if exchange is Exchange.CONVERSATION:
            advertising = self._git.command(request, repository, identity, Exchange.ADVERTISEMENT)
            advertise = partial(self._run, advertising, Access.READ)
        with self._operation(), await self._admission.begin(request, repository, identity), ExitStack() as made:
            push = Push(self._reactor, client, idle_deadline_seconds=self._idle_deadline_seconds, room=self._room)
            try:
                return await push.serve(advertise, judge_also_where_refs_lead, receive)
            finally:
                self._answers.changed(repository)

    async def _symbolic_refs(
        self, request: GitRequest, repository: Repository, identity: Identity, updates: tuple[RefUpdate, ...]
    ) -> SymbolicRefs:
        looking = self._threads.call(lambda: SymbolicRefs.among((update.ref for update in updates), repository))
        try:
            found = cast(SymbolicRefs | None, await within(_SECONDS_TO_LOOK, looking, self._reactor))
            if found is not None:
                return found
            command = self._git.command(request, repository, identity, Exchange.STATELESS)
            refs = (update.ref for update in updates)
            return await SymbolicRefs.asked_of_git(command, refs, repository, self._reactor)
        except (OSError, ThreadsBusy) as error:  # DeadlineOver is an OSError
            why = f"the refs of the push could not be looked at: {error}"
            raise Unavailable(why, request_id=request.request_id) from error

    async def is_gone(self, repository: Repository) -> bool:
        """Nothing is where it was; False where the disk does not say."""
        try:
            looking = self._threads.call(lambda: os.lstat(repository.directory / "HEAD"))
            await within(_SECONDS_TO_LOOK, looking, self._reactor)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except (OSError, ThreadsBusy):  # DeadlineOver is an OSError
            return False
        return False

    def _end(self) -> None:
        self._answers.stop()
        self._threads.stop()

    @contextmanager
    def _operation(self) -> Iterator[None]:
        if self._stopping:
            raise Overloaded("the server is stopping")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            while not self._running and self._waiting:
                self._waiting.pop().callback(None)

    async def _run_without_paths(
        self,
        repository: Repository,
        command: GitCommand,
        access: Access,
        client: Client,
        hook_found: HookFound | None = None,
        overheard: Overheard | None = None,
    ) -> GitExit:
        """As `_run`; what git says to people does not tell them where the repository is."""
        output = PathlessOutput(client, repository)
        git = await self._run(command, access, output, hook_found, overheard)
        output.end()
        return git

    async def _run(
        self,
        command: GitCommand,
        access: Access,
        client: Client,
        hook_found: HookFound | None = None,
        overheard: Overheard | None = None,
    ) -> GitExit:
        if self._is_ended:
            raise Overloaded("the server was ended")
        process = GitProcess(
            self._reactor,
            client,
            idle_deadline_seconds=self._idle_deadline_seconds,
            writes_repository=access is not Access.READ,
        )
        process.start(command, hook_found, overheard)
        self._processes.add(process)
        try:
            while True:
                try:
                    return await process.ended()
                except CancelledError:
                    process.abandon()
        finally:
            self._processes.discard(process)
