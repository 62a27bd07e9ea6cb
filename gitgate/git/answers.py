"""Answers a fetch: from what is kept, or from a git that then works for everybody who asks the same."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted.internet.defer import Deferred

from gitgate.git.admission import Admission, Turn
from gitgate.git.answer import Answer
from gitgate.git.answer_cache import AnswerCache, Capabilities, Place
from gitgate.git.fetch import Answered, Fetch
from gitgate.git.looking import Looker
from gitgate.git.process import Client, GitExit, RunningGit
from gitgate.git.question import Question
from gitgate.git.repository_state import configuration_of, state_of, state_of_refs
from gitgate.plugin import Peer, Repository
from gitgate.reactor import Reactor
from gitgate.wire.protocol_v2 import RequestV2
from gitgate.worker_threads import WorkerThreads

_log = logging.getLogger(__name__)

#: Runs one upload-pack for a client, to its end.
RunUploadPack: TypeAlias = Callable[[Client], Awaitable[GitExit]]

#: The commands whose answers are kept, each with what its answer depends on.
_KEPT_COMMANDS: Final = {"ls-refs": state_of_refs, "fetch": state_of}

#: Of two clients that ask for the capabilities, which are no secret, at almost the same time, one is enough to look.
_SECONDS_BETWEEN_LOOKS: Final = 0.005

#: git names each process anew where transfer.advertiseSID is set (gitprotocol-v2(5), "session-id").
_NEVER_THE_SAME: Final = b"session-id="


@dataclass(slots=True)
class Figures:
    """Answers to fetches since the server started."""

    hits: int = 0
    misses: int = 0
    bytes_kept: int = 0

    def __str__(self) -> str:
        return f"{self.hits} answers ({self.bytes_kept} bytes) from what was kept, {self.misses} from git"


class Answers:
    """What `cache` keeps, or git. Without a cache each question is git's."""

    def __init__(
        self, reactor: Reactor, threads: WorkerThreads, admission: Admission, cache: AnswerCache | None
    ) -> None:
        """`threads` are those in which repositories are looked at."""
        self._reactor = reactor
        self._admission = admission
        self._cache = cache
        self._figures = Figures()
        self._looker = Looker(threads, reactor)
        self._is_stopped = False

    def stop(self) -> None:
        """Keep nothing any more. To be called when nothing runs; once is enough."""
        if self._is_stopped:
            return
        self._is_stopped = True
        if self._cache is not None:
            self._cache.clear()
        if self._figures.hits or self._figures.misses:
            _log.info("fetches: %s", self._figures)

    def changed(self, repository: Repository) -> None:
        """Somebody has pushed to it."""
        if self._cache is not None:
            self._cache.forget(repository.directory)

    def served(self, git: GitExit) -> None:
        """A fetch has ended."""
        self._figures.bytes_kept += git.bytes_kept

    async def capabilities(self, repository: Repository, run: RunUploadPack) -> bytes:
        """What git can do with protocol 2 there: the same for everybody, until a configuration changes.

        Raises OSError where git does not say.
        """
        if self._cache is None:
            return await _capabilities_from(run)
        whose = (repository.directory, _about(repository))
        now = self._reactor.seconds()
        known = self._cache.capabilities(whose)
        if known is not None and now - known.looked_at < _SECONDS_BETWEEN_LOOKS:
            return known.said
        state = await self._looker.look(configuration_of, repository.directory)
        if known is not None and known.state == state:
            known.looked_at = now
            return known.said
        said = await _capabilities_from(run)
        if state is not None and state.is_settled and _NEVER_THE_SAME not in said:
            self._cache.keep_capabilities(whose, Capabilities(said, state, now))
        return said

    async def answer(
        self,
        fetch: Fetch,
        request: RequestV2 | None,
        question: Question,
        repository: Repository,
        peer: Peer,
        run: RunUploadPack,
    ) -> Answered:
        """The answer to one question of `fetch`, which `peer` has asked. Raises `Overloaded`."""
        place = await self._place(request, repository)
        kept = self._kept(place)
        turn: Turn | None = None
        if kept is None and (request is None or request.is_full_clone):
            turn = await self._admission.begin_clone(peer)
            kept = self._kept(place)  # meanwhile, somebody else may have asked
            if kept is not None:
                turn.close()
        if kept is not None:
            self._figures.hits += 1
            return Answered(reader=kept.reader(fetch), is_kept=True)
        self._figures.misses += 1
        if self._cache is None or place is None:
            answer = Answer(question, self._reactor)
        else:
            answer = self._cache.new(place, question, self._reactor)
        reader = answer.reader(fetch)
        answer.runs(Deferred.fromCoroutine(_run(run, answer, turn)))
        return Answered(reader=reader, is_kept=False)

    def _kept(self, place: Place | None) -> Answer | None:
        return None if self._cache is None or place is None else self._cache.find(place)

    async def _place(self, request: RequestV2 | None, repository: Repository) -> Place | None:
        """Where the answer to `request` is kept, or is to be; None where it cannot be."""
        if self._cache is None or request is None or request.command not in _KEPT_COMMANDS:
            return None
        state = await self._looker.look(_KEPT_COMMANDS[request.command], repository.directory)
        if state is None or not state.is_settled:
            return None
        if request.is_full_clone and state.pack_bytes > self._cache.most_bytes:
            return None  # there is no room, and without it, who clones quickly would wait for who does not
        return Place(repository.directory, state, _about(repository) + request.essence)


async def _run(run: RunUploadPack, answer: Answer, turn: Turn | None) -> GitExit:
    with turn or nullcontext():
        return await run(answer)


def _about(repository: Repository) -> bytes:
    """What an answer depends on besides the state and the request: what the repository adds to git's environment, and
    its name, which stands in git's words in the place of its path. What git is told of the client changes no answer.
    """
    return repr((repository.name, sorted(repository.environment.items()))).encode()


async def _capabilities_from(run: RunUploadPack) -> bytes:
    heard = _Heard()
    git = await run(heard)
    if git.code != 0 or git.abandoned:
        raise OSError(f"git ended with {git.code}: {heard.errors.decode('utf-8', 'backslashreplace').strip()}")
    return bytes(heard.output)


class _Heard:
    """A client that says nothing."""

    def __init__(self) -> None:
        self.output = bytearray()
        self.errors = bytearray()

    def git_started(self, git: RunningGit) -> None:
        git.finish()

    def write(self, data: bytes) -> None:
        self.output += data

    def write_error(self, data: bytes) -> None:
        self.errors += data

    def pauseProducing(self) -> None:
        """It says nothing."""

    def resumeProducing(self) -> None:
        """It says nothing."""
