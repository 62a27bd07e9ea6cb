"""A client of protocol 2 gets what git itself would say, whether git says it now or has said it before."""

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from reactor_fixtures import Run, TimeThatIsTold
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater

from gitgate.config import Limits
from gitgate.git import answers
from gitgate.git.answer_cache import AnswerCache
from gitgate.git.command import Exchange, Git
from gitgate.git.process import GitExit, RunningGit
from gitgate.git.runner import GitRunner
from gitgate.plugin import ANONYMOUS, Duration, Repository
from gitgate.refusals import Overloaded
from gitgate.testing import a_fetch
from gitgate.wire.pktline import FLUSH, encode

DELIMITER = b"0001"
#: A pack is the same each time where one thread makes it.
CONFIG = {"pack.threads": "1", "safe.directory": "*", "uploadpack.allowFilter": "true"}


class Client:
    """Says all that it has to say at once, and takes what comes unless it stalls."""

    def __init__(self, says: bytes, *, stalls: bool = False) -> None:
        self.heard = bytearray()
        self.errors = bytearray()
        self.pauses: list[bool] = []
        self._says = says
        self._stalls = stalls

    def git_started(self, git: RunningGit) -> None:
        self.git = git
        if self._stalls:
            git.pauseProducing()
        for begin in range(0, len(self._says), 1000):
            git.write(self._says[begin : begin + 1000])
        git.finish()

    def write(self, data: bytes) -> None:
        self.heard += data

    def write_error(self, data: bytes) -> None:
        self.errors += data

    def pauseProducing(self) -> None:
        self.pauses.append(True)

    def resumeProducing(self) -> None:
        self.pauses.append(False)


class Scene:
    def __init__(self, folder: Path, reactor: Any, run: Run, **limits: Any) -> None:
        self.folder = folder / "r.git"
        self.run = run
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_COUNT": str(len(CONFIG))}
        for index, (key, value) in enumerate(CONFIG.items()):
            environment |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        for who in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{who}_NAME": "a", f"GIT_{who}_EMAIL": "a@x", f"GIT_{who}_DATE": "1700000000 +0000"}
        self.environment = environment
        self.git("init", "-q", "--bare", "-b", "main", str(self.folder))
        self.commits = [self.commit("one"), self.commit("two")]
        self.log = folder / "asked"
        # git itself, which notes what it was asked for.
        program = folder / "git"
        program.write_text(f'#!/bin/sh\necho "$@" >>{self.log}\nexec git "$@"\n')
        program.chmod(0o755)
        self.cache = AnswerCache(2**20, folder)
        git = Git(executable=program, search_path=os.environ["PATH"], config=CONFIG)
        self.runner = GitRunner(reactor, git, Limits(**limits), self.cache)
        self.settle()

    def git(self, *arguments: str, says: bytes = b"") -> bytes:
        return subprocess.run(
            ["git", *arguments], input=says, capture_output=True, check=True, env=self.environment,
            cwd=self.folder if self.folder.exists() else None,
        ).stdout  # fmt: skip

    def commit(self, text: str) -> str:
        blob = self.git("hash-object", "-w", "--stdin", says=text.encode() * 1000).decode().strip()
        tree = self.git("mktree", says=f"100644 blob {blob}\tfile\n".encode()).decode().strip()
        parents = ("-p", "main") if (self.folder / "refs/heads/main").exists() else ()
        commit = self.git("commit-tree", "-m", text, *parents, tree).decode().strip()
        self.git("update-ref", "refs/heads/main", commit)
        return commit

    def settle(self) -> None:
        """Waits until the file system's clock has gone on."""
        self.run(_wait(deferLater(_reactor(), 0.05)))

    def begin(self, client: Client, exchange: Exchange = Exchange.CONVERSATION) -> Deferred[GitExit]:
        repository = Repository(directory=self.folder, name="r")
        return ensureDeferred(self.runner.run(a_fetch(), repository, ANONYMOUS, exchange, client))

    def fetch(self, says: bytes, exchange: Exchange = Exchange.CONVERSATION) -> tuple[int, bytes, GitExit]:
        client = Client(says)
        ended = self.run(_wait(self.begin(client, exchange)))
        return ended.code, bytes(client.heard), ended

    def from_git(self, says: bytes, *options: str) -> tuple[int, bytes]:
        ran = subprocess.run(
            ["git", "upload-pack", *options, str(self.folder)],
            input=says, capture_output=True, check=False, env={**self.environment, "GIT_PROTOCOL": "version=2"},
        )  # fmt: skip
        return ran.returncode, ran.stdout

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def joined(said: bytes) -> list[bytes]:
    """The packets, with what comes over each band in one piece: where git cuts it depends on who is quicker."""
    packets: list[bytes] = []
    bands = {b"\1": b"", b"\2": b""}
    while said:
        length = max(4, int(said[:4], 16))
        packet, said = said[4:length], said[length:]
        if packet[:1] in bands:
            bands[packet[:1]] += packet[1:]
        else:
            packets.append(packet)
    return [*packets, *bands.values()]


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


async def _wait(deferred: Deferred[Any]) -> Any:
    return await deferred


@pytest.fixture
def scene(tmp_path: Path, running_reactor: Any, run: Run) -> Scene:
    return Scene(tmp_path, running_reactor, run)


def request(command: str, *arguments: str) -> bytes:
    head = encode(f"command={command}\n".encode()) + encode(b"agent=git/2.39.5") + encode(b"object-format=sha1")
    return head + DELIMITER + b"".join(encode(f"{argument}\n".encode()) for argument in arguments) + FLUSH


LS_REFS = request("ls-refs", "peel", "symrefs", "ref-prefix refs/heads/")


def conversations(commits: list[str]) -> dict[str, bytes]:
    one, two = commits
    clone = request("fetch", "no-progress", "thin-pack", "ofs-delta", f"want {two}", "done")
    return {
        "nothing": b"",
        "goodbye": FLUSH,
        "refs": LS_REFS + FLUSH,
        "a clone": LS_REFS + clone + FLUSH,
        "an incremental fetch": LS_REFS + request("fetch", "no-progress", f"want {two}", f"have {one}", "done") + FLUSH,
        "a negotiation": request("fetch", f"want {two}", f"have {'1' * 40}", f"have {one}")
        + request("fetch", "no-progress", f"want {two}", f"have {one}", "done")
        + FLUSH,
        "a shallow clone": request("fetch", "no-progress", f"want {two}", "deepen 1", "done") + FLUSH,
        "a partial clone": request("fetch", "no-progress", f"want {two}", "filter blob:none", "done") + FLUSH,
        "a long list": request("fetch", f"want {two}", *(f"have {number:040x}" for number in range(4000))) + LS_REFS,
        "a missing object": request("fetch", f"want {'1' * 40}", "done") + LS_REFS,
        "half a request": LS_REFS[:-20],
        "an unknown command": request("push"),
        "commands that are off": LS_REFS + request("bundle-uri") + LS_REFS,
        "the size of an object": request("object-info", "size", f"oid {two}") + FLUSH,
        "no command": encode(b"agent=git/2.39.5") + FLUSH + LS_REFS,
        "two commands": LS_REFS[:-4] + LS_REFS,
        "no packet": b"GET / HTTP/1.1\r\n\r\n",
        "no packet after a request": LS_REFS + b"GET / HTTP/1.1\r\n\r\n",
    }


CONVERSATIONS = list(conversations(["", ""]))


@pytest.mark.parametrize("which", CONVERSATIONS)
def test_a_conversation_is_gits_own_to_the_byte(scene: Scene, which: str) -> None:
    says = conversations(scene.commits)[which]
    code, heard = scene.from_git(says)
    for _ in range(2):  # the second time from what is kept, where it is
        ours = scene.fetch(says)
        assert (ours[0], joined(ours[1])) == (code, joined(heard))


def test_the_capabilities_over_http_are_gits_own(scene: Scene) -> None:
    gits = scene.from_git(b"", "--stateless-rpc", "--advertise-refs")
    for _ in range(2):
        assert scene.fetch(b"", Exchange.ADVERTISEMENT)[:2] == gits
    assert len(scene.asked()) == 1


@pytest.mark.parametrize("which", ["refs", "a clone", "a shallow clone", "a partial clone", "an incremental fetch"])
def test_what_was_asked_before_costs_no_process(scene: Scene, which: str) -> None:
    says = conversations(scene.commits)[which]
    first = scene.fetch(says)
    processes = len(scene.asked())
    second = scene.fetch(says.replace(b"agent=git/2.39.5", b"agent=git/9.99.9"))
    assert (first[:2], len(scene.asked())) == (second[:2], processes)
    assert first[2].bytes_kept == 0
    assert second[2].bytes_kept == second[2].bytes_out - len(scene.from_git(b"")[1])


def test_over_http_each_request_is_answered_alone(scene: Scene) -> None:
    code, heard, ended = scene.fetch(LS_REFS + LS_REFS, Exchange.STATELESS)
    assert (code, heard) == scene.from_git(LS_REFS, "--stateless-rpc")
    assert scene.fetch(LS_REFS, Exchange.STATELESS)[2].bytes_kept == ended.bytes_out


def test_clients_that_ask_at_once_share_one_git(scene: Scene) -> None:
    says = conversations(scene.commits)["a clone"]
    clients = [Client(says) for _ in range(16)]
    for ended in [scene.begin(client) for client in clients]:
        assert scene.run(_wait(ended)).code == 0
    assert [joined(bytes(client.heard)) for client in clients] == [joined(scene.from_git(says)[1])] * 16
    fetches = [line for line in scene.asked() if "--advertise-refs" not in line]
    assert len(fetches) == 2  # ls-refs, fetch


def test_a_new_commit_shows_at_once(scene: Scene) -> None:
    scene.fetch(LS_REFS)
    new = scene.commit("three")
    assert new.encode() in scene.fetch(LS_REFS)[1]
    scene.settle()
    assert new.encode() in scene.fetch(LS_REFS)[1]


def test_what_a_deleted_branch_had_is_not_given_out_again(scene: Scene) -> None:
    """1. A secret is pushed, and fetched by somebody. 2. Its branch is deleted, and the secret pruned. 3. Somebody asks
    for the object by its name, as in the fetch that was kept.
    """
    secret = scene.commit("secret")
    scene.settle()
    says = request("fetch", "no-progress", f"want {secret}", "done") + FLUSH
    assert scene.fetch(says)[0] == 0
    scene.git("update-ref", "refs/heads/main", scene.commits[1])
    scene.git("gc", "-q", "--prune=now")
    scene.settle()
    code, heard, _ = scene.fetch(says)
    assert code == 128
    assert b"ERR upload-pack: not our ref" in heard


def test_where_nothing_is_kept_git_is_asked_each_time(tmp_path: Path, running_reactor: Any, run: Run) -> None:
    scene = Scene(tmp_path, running_reactor, run)
    scene.runner = GitRunner(
        running_reactor, Git(executable=tmp_path / "git", search_path=os.environ["PATH"], config=CONFIG), Limits()
    )
    says = conversations(scene.commits)["a clone"]
    gits = joined(scene.from_git(says)[1])
    assert [joined(scene.fetch(says)[1]) for _ in range(2)] == [gits, gits]
    assert len(scene.asked()) == 2 * 3


def test_a_client_that_reads_nothing_is_sent_nothing_and_ended(tmp_path: Path, running_reactor: Any, run: Run) -> None:
    reactor = TimeThatIsTold(running_reactor)
    scene = Scene(tmp_path, reactor, run, idle_deadline=Duration(2))
    client = Client(conversations(scene.commits)["a clone"], stalls=True)
    serving = scene.begin(client)
    while not client.heard:
        run(_wait(deferLater(running_reactor, 0.01)))
    reactor.advance(3)
    ended = scene.run(_wait(serving))
    assert (ended.silent, ended.abandoned, ended.code) == (True, True, 128)
    assert bytes(client.heard) == scene.from_git(b"")[1]  # the capabilities were said before it had asked


def test_a_disk_that_does_not_answer_ends_the_fetch_in_time(
    tmp_path: Path, running_reactor: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network file system hangs: whoever asks for its repositories is told, and holds nothing for ever."""
    scene = Scene(tmp_path, running_reactor, run, idle_deadline=Duration(0.3))
    hung = threading.Event()
    monkeypatch.setattr(answers, "configuration_of", lambda directory: hung.wait(20) and None)
    ended = scene.fetch(LS_REFS)[2]
    hung.set()
    assert (ended.silent, ended.code) == (True, 128)


def test_a_client_that_asks_ahead_is_held_back(scene: Scene) -> None:
    """Requests without end, none of whose answers is read: what waits here stays small."""
    client = Client(LS_REFS * 2000)
    ended = scene.run(_wait(scene.begin(client)))
    assert ended.code == 0
    assert client.pauses[0] is True
    assert client.pauses[-1] is False


class ClientThatHoldsBack(Client):
    """Says it in pieces, and the next one from within the call that tells it to go on, as a body over http does."""

    def git_started(self, git: RunningGit) -> None:
        self.git = git
        self._left = [self._says[begin : begin + 50_000] for begin in range(0, len(self._says), 50_000)]
        self._go_on()

    def pauseProducing(self) -> None:
        super().pauseProducing()
        self.is_paused = True

    def resumeProducing(self) -> None:
        super().resumeProducing()
        self._go_on()

    def _go_on(self) -> None:
        self.is_paused = False
        while self._left and not self.is_paused:
            self.git.write(self._left.pop(0))
        if not self._left:
            self.git.finish()


def test_who_asks_ahead_lets_others_come_between(scene: Scene, run: Run) -> None:
    """64 KiB hold 2,700 requests, whose answers are all known: half a second in which nobody else is served."""
    scene.fetch(LS_REFS)
    scene.fetch(LS_REFS)
    client = Client(LS_REFS * 100)
    fetching = scene.begin(client)
    turns = 0

    async def counts() -> None:
        nonlocal turns
        while not fetching.called:
            await deferLater(_reactor(), 0)
            turns += 1

    run(counts())
    assert run(_wait(fetching)).code == 0
    assert turns >= 6


def test_a_long_request_that_waits_for_its_turn_reaches_git_in_its_order(
    tmp_path: Path, running_reactor: Any, run: Run
) -> None:
    scene = Scene(tmp_path, running_reactor, run, max_clones=1)
    turn = run(scene.runner._admission.begin_clone(a_fetch().peer))
    haves = [f"have {number:040x}" for number in range(20_000)]
    says = request("fetch", "no-progress", f"want {scene.commits[1]}", *haves, "done") + LS_REFS
    client = ClientThatHoldsBack(says)
    ended = scene.begin(client)
    assert client.is_paused  # it has said what it may say ahead
    turn.close()
    code = run(_wait(ended)).code
    gits = scene.from_git(says)
    assert (code, joined(bytes(client.heard))) == (gits[0], joined(gits[1]))


def test_a_clone_for_which_there_is_no_room_is_nobody_elses(tmp_path: Path, running_reactor: Any, run: Run) -> None:
    """Who takes it quickly would have to wait for who does not."""
    scene = Scene(tmp_path, running_reactor, run)
    scene.git("repack", "-a", "-d", "-q")
    scene.settle()
    scene.cache.most_bytes = 100
    clone = conversations(scene.commits)["a clone"].removeprefix(LS_REFS)
    clients = [Client(clone) for _ in range(3)]
    for ended in [scene.begin(client) for client in clients]:
        assert run(_wait(ended)).bytes_kept == 0
    assert len([line for line in scene.asked() if "--advertise-refs" not in line]) == 3
    small = request("fetch", "no-progress", f"want {scene.commits[1]}", "deepen 1", "done") + FLUSH
    scene.fetch(small)
    assert scene.fetch(small)[2].bytes_kept


def test_who_goes_away_leaves_no_git_behind(scene: Scene, tmp_path: Path, run: Run) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec cat\n")  # a git that never ends by itself
    client = Client(LS_REFS)
    client.git_started = lambda git: git.write(LS_REFS)  # type: ignore[method-assign]
    scene.cache.keep_capabilities = lambda *_: None  # type: ignore[method-assign]
    serving = scene.begin(client)
    run(_wait(deferLater(_reactor(), 0.3)))
    serving.cancel()
    serving.addErrback(lambda failure: None)
    run(_wait(serving))
    assert scene.runner.stop().called


def test_who_goes_away_has_the_turn_until_git_has_ended(tmp_path: Path, running_reactor: Any, run: Run) -> None:
    """1. A client asks, and goes. 2. Its git needs a while to end. 3. It asks again: one git more each time."""
    scene = Scene(tmp_path, running_reactor, run, max_operations=1, operation_wait=Duration(0.1))
    scene.fetch(b"")  # the capabilities are known
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/runs\nwhile [ ! -e {tmp_path}/go ]; do sleep 0.02; done\n")
    serving = scene.begin(Client(LS_REFS))
    while not (tmp_path / "runs").exists():
        run(_wait(deferLater(_reactor(), 0.01)))
    serving.cancel()
    serving.addErrback(lambda failure: None)
    with pytest.raises(Overloaded):
        scene.fetch(LS_REFS)
    (tmp_path / "go").touch()
    run(_wait(serving))
    assert scene.fetch(LS_REFS)[0] == 0
