"""Who is told what was kept, and for whom git is asked again; and that each clone gives its turn back."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from gitgate.config import Limits
from gitgate.git.admission import Admission
from gitgate.git.answer_cache import AnswerCache
from gitgate.git.answers import Answers
from gitgate.git.fetch import Answered, Fetch
from gitgate.git.process import Client, GitExit, RunningGit
from gitgate.git.question import Question
from gitgate.plugin import Duration, Repository
from gitgate.testing import a_peer
from gitgate.testing.waiting_loop import WaitingLoop
from gitgate.wire.pktline import FLUSH, encode
from gitgate.wire.protocol_v2 import RequestV2
from gitgate.worker_threads import WorkerThreads


def request(command: str, *arguments: str) -> bytes:
    return encode(f"command={command}\n".encode()) + b"0001" + b"".join(encode(a.encode()) for a in arguments) + FLUSH


LS_REFS = request("ls-refs", "ref-prefix refs/heads/")
LATER_NS = 3600 * 10**9


def clone(branch: int) -> bytes:
    return request("fetch", f"want {branch:040x}", "done")


class Listener:
    """Asks one question, and takes what it is told."""

    def __init__(self, asks: bytes) -> None:
        self.heard = bytearray()
        self._asks = asks

    def git_started(self, git: RunningGit) -> None:
        git.write(self._asks)
        git.finish()

    def write(self, data: bytes) -> None:
        self.heard += data

    def write_error(self, data: bytes) -> None:
        raise AssertionError(data)

    def pauseProducing(self) -> None:
        """It has said all that it says."""

    def resumeProducing(self) -> None:
        """It has said all that it says."""


class AskedGit:
    """The input of a git that reads it, and says what it has to say whatever that is."""

    def write(self, data: bytes) -> None:
        """It is read."""

    def finish(self) -> None:
        """It is all there."""

    def pauseProducing(self) -> None:
        """It says little."""

    def resumeProducing(self) -> None:
        """It says little."""

    def stopProducing(self) -> None:
        raise AssertionError("nobody stops it")


class Site:
    """A repository, in which refs and objects stand as files, and a git that says what the test wants it to say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
        self.folder = folder / "r.git"
        (self.folder / "refs/heads").mkdir(parents=True)
        (self.folder / "objects/pack").mkdir(parents=True)
        for name in ("HEAD", "config", "refs/heads/main"):
            (self.folder / name).write_text("")
        self.says = b"0000"
        self.asked = 0
        self.waits = False
        self.working: list[Deferred[None]] = []
        self._now_ns = time.time_ns() + LATER_NS
        monkeypatch.setattr(time, "time_ns", lambda: self._now_ns)
        self.loop = WaitingLoop()
        threads = WorkerThreads(self.loop.reactor, "repositories")
        admission = Admission(self.loop.reactor, Limits(operation_wait=Duration(0.2), **limits))
        self.answers = Answers(self.loop.reactor, threads, admission, AnswerCache(2**20, folder))

    def has_just_changed(self, name: str) -> None:
        """It is the moment, for the file system's clock, in which this file of it was written."""
        file = self.folder / name
        file.write_text("changed")
        self._now_ns = file.stat().st_ctime_ns

    def settles(self) -> None:
        self._now_ns += LATER_NS

    def repository(self, name: str = "r", **environment: str) -> Repository:
        return Repository(directory=self.folder, name=name, environment=environment)

    def ask(self, asks: bytes, repository: Repository | None = None) -> bytes:
        """What somebody is told who asks this."""
        return self.loop.run(self._ask(asks, repository or self.repository()))

    def begin(self, *asks: bytes) -> "Deferred[list[bytes]]":
        """Several who ask at once, and what they are told in the end."""
        return gatherResults([Deferred.fromCoroutine(self._ask(each, self.repository())) for each in asks])

    def capabilities(self, repository: Repository | None = None) -> bytes:
        """What somebody is told whom nobody has been so shortly before that one look is enough for both."""
        self.loop.run(_of(deferLater(self.loop.reactor, 0.01)))
        return self.loop.run(self.answers.capabilities(repository or self.repository(), self._git))

    def until(self, condition: Callable[[], bool]) -> None:
        async def until() -> None:
            for _ in range(4000):
                if condition():
                    return
                await deferLater(self.loop.reactor, 0.005)
            raise AssertionError(f"it does not become so; git was asked {self.asked} times")

        self.loop.run(until())

    def git_ends(self) -> None:
        """The one that works for the longest."""
        self.working.pop(0).callback(None)

    async def _ask(self, asks: bytes, repository: Repository) -> bytes:
        async def answer(fetch: Fetch, request: RequestV2 | None, question: Question) -> Answered:
            return await self.answers.answer(fetch, request, question, repository, a_peer(), self._git)

        listener = Listener(asks)
        fetch = Fetch(self.loop.reactor, listener, idle_deadline_seconds=60)
        assert (await fetch.serve(None, answer, goes_on=False)).code == 0
        return bytes(listener.heard)

    async def _git(self, client: Client) -> GitExit:
        self.asked += 1
        client.git_started(AskedGit())
        client.write(self.says)
        if self.waits:
            self.working.append(Deferred())
            await self.working[-1]
        return GitExit(code=0, bytes_in=0, bytes_out=len(self.says))


async def _of(deferred: Deferred[Any]) -> Any:
    return await deferred


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_git_is_asked_once_while_nothing_changes(site: Site) -> None:
    """Without this, the tests below would show nothing."""
    for asks in (LS_REFS, clone(1)):
        site.says = b"first"
        first = site.ask(asks)
        site.says = b"second"
        assert (first, site.ask(asks)) == (b"first", b"first")
    site.says = b"version 2"
    first = site.capabilities()
    site.says = b"version 3"
    assert (first, site.capabilities()) == (b"version 2", b"version 2")


@pytest.mark.parametrize("asks", [LS_REFS, clone(1)])
def test_what_git_said_of_a_change_that_is_still_young_is_told_to_nobody_else(site: Site, asks: bytes) -> None:
    """1. A branch is pushed. 2. In the same tick of the file system's clock somebody fetches it. 3. In the same tick
    it is pushed again, and no time of any file tells that. 4. Somebody fetches it, for ever after.
    """
    site.has_just_changed("refs/heads/main")
    site.says = b"of the first push"
    site.ask(asks)
    site.says = b"of the second push"
    assert site.ask(asks) == b"of the second push"
    site.settles()
    assert site.ask(asks) == b"of the second push"


def test_capabilities_of_a_configuration_that_has_just_changed_are_told_to_nobody_else(site: Site) -> None:
    """As above: an operator sets one key after the other, and a client connects between the two."""
    site.has_just_changed("config")
    site.says = b"with the first key"
    site.capabilities()
    site.says = b"with both keys"
    assert site.capabilities() == b"with both keys"
    site.settles()
    assert site.capabilities() == b"with both keys"


def test_a_session_id_is_given_to_one_client_only(site: Site) -> None:
    """By it, the logs of both sides are matched (gitprotocol-v2(5), "session-id")."""
    told = []
    for number in range(3):
        site.says = encode(b"version 2\n") + encode(b"session-id=%d\n" % number) + FLUSH
        told.append(site.capabilities() == site.says)
    assert told == [True] * 3


@pytest.mark.parametrize("asks", [LS_REFS, clone(1)])
def test_who_sees_another_namespace_of_a_repository_is_told_nothing_of_the_first_one(site: Site, asks: bytes) -> None:
    """1. A plugin serves one folder as two repositories, which GIT_NAMESPACE tells apart (gitnamespaces(7)). 2. Who may
    read the secret one has just asked for its refs. 3. Who may only read the other one asks for its own.
    """
    site.says = b"of the secret one"
    site.ask(asks, site.repository(GIT_NAMESPACE="secret"))
    site.says = b"of the public one"
    assert site.ask(asks, site.repository(GIT_NAMESPACE="public")) == b"of the public one"
    assert site.ask(asks, site.repository()) == b"of the public one"


def test_each_name_of_a_repository_has_answers_of_its_own(site: Site) -> None:
    """git's words to people name the repository as who asks has named it: a private alias would be told to others."""
    site.says = b"of private/alias"
    site.ask(LS_REFS, site.repository("private/alias"))
    site.says = b"of public/name"
    assert site.ask(LS_REFS, site.repository("public/name")) == b"of public/name"


def test_capabilities_are_those_of_the_environment_in_which_git_was_asked(site: Site) -> None:
    site.says = b"with filters"
    site.capabilities(site.repository(GIT_CONFIG_GLOBAL="/etc/filters"))
    site.says = b"without"
    assert site.capabilities(site.repository()) == b"without"


def test_one_clone_after_the_other_has_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that is not given back is nobody's until the server is started again."""
    site = Site(tmp_path, monkeypatch, max_clones=1)
    for branch in range(3):
        site.says = b"branch %d" % branch
        assert site.ask(clone(branch)) == site.says


def test_who_waited_for_a_turn_and_does_not_need_it_any_more_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1. As many clone as may. 2. Two more, who want the same, wait. 3. One of them has a turn, and with it the other
    one is answered, too, when it has its own.
    """
    site = Site(tmp_path, monkeypatch, max_clones=2, max_clones_per_source=10)
    site.waits = True
    first = site.begin(clone(1), clone(2))
    site.until(lambda: site.asked == 2)
    waiting = site.begin(clone(3), clone(3))
    site.git_ends()
    site.git_ends()
    site.until(lambda: site.asked == 3)
    site.git_ends()
    assert site.loop.run(_of(first)) == [site.says] * 2
    assert site.loop.run(_of(waiting)) == [site.says] * 2
    both = site.begin(clone(4), clone(5))
    site.until(lambda: site.asked == 5)
    site.git_ends()
    site.git_ends()
    assert site.loop.run(_of(both)) == [site.says] * 2
