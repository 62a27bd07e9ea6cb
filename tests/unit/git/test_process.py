"""What passes between a client and git, and how git ends. The git here is a shell script that says what it sees."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reactor_fixtures import Run, TimeThatIsTold
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from waiting import wait_until

from gitgate.config import Limits
from gitgate.git import process as process_module
from gitgate.git.command import Exchange, Git
from gitgate.git.process import GitExit, GitProcess
from gitgate.git.runner import GitRunner
from gitgate.plugin import ANONYMOUS, Duration, Repository
from gitgate.refusals import Overloaded
from gitgate.testing import a_fetch, a_push
from gitgate.wire.pktline import FLUSH, encode


class RecordingClient:
    """A client that takes everything, unless it is told to stall."""

    def __init__(self, started: Callable[[GitProcess], None] = lambda git: None) -> None:
        self.output = bytearray()
        self.errors = bytearray()
        self.events: list[str] = []
        self._started = started

    def git_started(self, git: GitProcess) -> None:
        self.git = git
        self._started(git)

    def write(self, data: bytes) -> None:
        self.output += data

    def write_error(self, data: bytes) -> None:
        self.errors += data

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")


class Script:
    """Runs a shell script in the place of git."""

    def __init__(self, folder: Path, reactor: Any, text: str, *, idle: float = 60, most: int = 5) -> None:
        program = folder / "git"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        self.repository = Repository(directory=folder, name="r")
        git = Git(executable=program, search_path="/usr/bin:/bin")
        self.runner = GitRunner(
            reactor, git, Limits(max_operations=most, idle_deadline=Duration(idle), operation_wait=Duration(0.05))
        )

    def serve(self, client: RecordingClient, *, push: bool = False) -> Deferred[GitExit]:
        request = a_push() if push else a_fetch(protocol=0)
        return ensureDeferred(self.runner.run(request, self.repository, ANONYMOUS, Exchange.CONVERSATION, client))


@pytest.fixture
def script(tmp_path: Path, running_reactor: Any) -> Callable[..., Script]:
    return lambda text, **options: Script(tmp_path, running_reactor, text, **options)


async def _wait_for(deferred: Deferred[Any]) -> Any:
    return await deferred


def test_git_gets_the_clients_bytes_and_the_client_gets_gits(script: Callable[..., Script], run: Run) -> None:
    def talk(git: GitProcess) -> None:
        git.write(b"hello")
        git.finish()

    client = RecordingClient(talk)
    ended = run(_wait_for(script("cat; echo oops >&2; exit 3").serve(client)))
    assert (client.output, client.errors) == (b"hello", b"oops\n")
    assert ended == GitExit(code=3, bytes_in=5, bytes_out=5)


def test_a_signal_that_ends_git_is_told_apart_from_an_exit_code(script: Callable[..., Script], run: Run) -> None:
    ended = run(_wait_for(script("kill -SEGV $$").serve(RecordingClient())))
    assert ended.code == -signal.SIGSEGV


def test_a_client_that_does_not_read_stops_git(script: Callable[..., Script], run: Run, running_reactor: Any) -> None:
    """A client opens a large clone and never reads: without back-pressure, the daemon would hold the whole pack."""
    client = RecordingClient(lambda git: git.pauseProducing())
    serving = script("head -c 50000000 /dev/zero; echo done").serve(client)
    run(_wait_for(deferLater(running_reactor, 0.2)))
    assert len(client.output) == 0
    client.git.resumeProducing()
    ended = run(_wait_for(serving))
    assert ended.bytes_out == len(client.output) == 50_000_005


def test_a_git_that_does_not_read_stops_the_client(script: Callable[..., Script], run: Run, tmp_path: Path) -> None:
    """A hook that sleeps during a large push: without back-pressure, the daemon would hold what it has not read."""

    def flood(git: GitProcess) -> None:
        for _ in range(20):
            if client.events[-1:] != ["pause"]:
                git.write(b"x" * 65536)

    client = RecordingClient(flood)
    serving = script(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; wc -c").serve(client, push=True)
    assert client.events == ["pause"]
    given = client.git._bytes_in
    assert given <= 4 * 65536  # what the pipe takes, and what one write may be above it
    (tmp_path / "go").touch()
    while client.events[-1] != "resume":
        run(_wait_for(deferLater(_reactor(), 0.01)))
    client.git.finish()
    run(_wait_for(serving))
    assert client.output.split() == [str(given).encode()]


def test_a_pipe_that_was_made_longer_at_the_very_start_stays_so(script: Callable[..., Script], run: Run) -> None:
    """More may have come of a push, or of a long request, before git runs than its pipe takes at first."""

    def begin(git: GitProcess) -> None:
        git.write(b"x" * 300_000)
        git.finish()

    client = RecordingClient(begin)
    serving = script("wc -c").serve(client, push=True)
    assert fcntl.fcntl(client.git.transport.pipes[0].fileno(), fcntl.F_GETPIPE_SZ) == 2**20
    run(_wait_for(serving))
    assert client.output.split() == [b"300000"]


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


def test_a_git_that_stops_reading_lets_the_client_send_on_and_read_the_answer(
    script: Callable[..., Script], run: Run
) -> None:
    """A push that git refuses half-way: a client that is never read would never get to read why."""

    def flood(git: GitProcess) -> None:
        for _ in range(20):
            git.write(b"x" * 65536)

    client = RecordingClient(flood)
    run(_wait_for(script("exec <&-; sleep 0.1; echo refused").serve(client, push=True)))
    assert client.output == b"refused\n"
    assert client.events[-1] == "resume"


def test_when_the_client_goes_git_first_sees_the_end_of_its_input(
    script: Callable[..., Script], run: Run, running_reactor: Any, tmp_path: Path
) -> None:
    """A signal first would leave receive-pack's quarantine behind in the repository."""
    told = "trap 'echo signal >> LOG; exit 1' TERM HUP; cat >/dev/null; echo eof >> LOG; exit 0"
    serving = script(told.replace("LOG", str(tmp_path / "log"))).serve(RecordingClient(), push=True)
    run(_wait_for(deferLater(running_reactor, 0.1)))
    serving.cancel()
    ended = run(_wait_for(serving))
    assert (tmp_path / "log").read_text() == "eof\n"
    assert ended.code == 0


def test_a_hook_that_runs_when_the_client_goes_is_ended_and_no_quarantine_is_left(
    script: Callable[..., Script],
    run: Run,
    running_reactor: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client sends all of a large push, and goes while git indexes it or a hook runs.

    A signal to the whole group would end receive-pack too, and its quarantine, as large as the push, would stay.
    """
    monkeypatch.setattr(process_module, "_SECONDS_UNTIL_TERM", 0.1)
    work, repository = tmp_path / "work", tmp_path / "r.git"
    for command in (
        f"git init -q --bare {repository}",
        f"git init -q {work}",
        f"git -C {work} -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m one",
    ):
        subprocess.run(command.split(), check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=work, capture_output=True, check=True).stdout.strip()
    packing = ["git", "pack-objects", "-q", "--stdout", "--all"]
    pack = subprocess.run(packing, input=b"", cwd=work, capture_output=True, check=True).stdout
    hook = repository / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho $GIT_QUARANTINE_PATH > {tmp_path}/quarantine\nsleep 600\n")
    hook.chmod(0o755)
    client = RecordingClient()

    serving = script(f"exec git receive-pack --stateless-rpc {repository}").serve(client, push=True)
    client.git.write(encode(b"0" * 40 + b" %b refs/heads/main\0report-status" % commit) + FLUSH + pack)
    quarantine = tmp_path / "quarantine"
    while not quarantine.exists() or not quarantine.read_text().strip():
        run(_wait_for(deferLater(running_reactor, 0.01)))
    assert Path(quarantine.read_text().strip()).is_dir()
    serving.cancel()
    ended = run(_wait_for(serving))

    assert (ended.abandoned, ended.code) == (True, 0)
    assert not list(repository.glob("objects/tmp_objdir-*"))
    assert not list(repository.glob("refs/heads/*"))


def test_a_clone_that_nobody_reads_any_more_ends_at_once(script: Callable[..., Script], run: Run) -> None:
    """A client goes away in the middle of a large clone: git would go on to pack what nobody gets."""
    serving = script("exec cat /dev/zero").serve(RecordingClient())
    serving.cancel()
    ended = run(_wait_for(serving))
    assert ended.code == -signal.SIGPIPE  # later, it would be SIGTERM


def test_a_git_that_does_not_end_by_itself_is_ended_with_all_its_children(
    script: Callable[..., Script],
    run: Run,
    running_reactor: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hook that ignores SIGTERM, with a child of its own: a signal to git alone would leave both running."""
    monkeypatch.setattr(process_module, "_SECONDS_UNTIL_TERM", 0.1)
    monkeypatch.setattr(process_module, "_SECONDS_UNTIL_KILL", 0.1)
    stubborn = f"trap '' TERM; sleep 600 & echo $! > {tmp_path}/child; while :; do sleep 600; done"
    serving = script(stubborn).serve(RecordingClient())
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
        run(_wait_for(deferLater(running_reactor, 0.01)))
    serving.cancel()
    ended = run(_wait_for(serving))
    assert ended.code == -signal.SIGKILL
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not _alive(child), "its child still runs")


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_when_no_byte_moves_for_the_idle_deadline_git_is_ended(script: Callable[..., Script], run: Run) -> None:
    ended = run(_wait_for(script("cat", idle=0.2).serve(RecordingClient())))
    assert (ended.silent, ended.code) == (True, 0)


def test_bytes_that_move_put_the_idle_deadline_off(tmp_path: Path, running_reactor: Any, run: Run) -> None:
    reactor = TimeThatIsTold(running_reactor)
    client = RecordingClient()
    serving = Script(tmp_path, reactor, "exec cat", idle=60).serve(client)
    for number in range(1, 7):
        reactor.advance(40)
        client.git.write(b"0000")
        while len(client.output) < 4 * number:
            run(_wait_for(deferLater(running_reactor, 0.01)))
    client.git.finish()
    ended = run(_wait_for(serving))
    assert (ended.silent, ended.bytes_out) == (False, 24)


def test_more_operations_than_allowed_are_refused(script: Callable[..., Script], run: Run) -> None:
    limited = script("cat", most=1)
    first = limited.serve(RecordingClient())
    with pytest.raises(Overloaded):
        run(_wait_for(limited.serve(RecordingClient())))
    first.cancel()
    run(_wait_for(first))
    again = limited.serve(RecordingClient(lambda git: git.finish()))
    assert run(_wait_for(again)).code == 0


def test_stopping_waits_for_what_runs_and_starts_nothing_more(script: Callable[..., Script], run: Run) -> None:
    stopping = script("cat")
    client = RecordingClient()
    serving = stopping.serve(client)
    stopped = stopping.runner.stop()
    assert not stopped.called
    with pytest.raises(Overloaded, match="stopping"):
        run(_wait_for(stopping.serve(RecordingClient())))
    client.git.finish()
    run(_wait_for(serving))
    assert stopped.called


def test_a_git_that_is_not_there_is_an_error_and_leaves_nothing_open(
    tmp_path: Path, running_reactor: Any, run: Run
) -> None:
    git = Git(executable=tmp_path / "nothing", search_path="")
    runner = GitRunner(running_reactor, git, Limits())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        repository = Repository(directory=tmp_path, name="r")
        with pytest.raises(FileNotFoundError):
            run(runner.run(a_fetch(), repository, ANONYMOUS, Exchange.CONVERSATION, RecordingClient()))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_repository_is_gone_only_where_the_disk_says_so(tmp_path: Path, running_reactor: Any, run: Run) -> None:
    """Where the disk does not answer, a client that is told "not found" would believe it."""
    runner = GitRunner(running_reactor, Git(executable=tmp_path / "nothing", search_path=""), Limits())
    (tmp_path / "HEAD").touch()
    (tmp_path / "loop").symlink_to("loop")
    gone = {
        name: run(runner.is_gone(Repository(directory=tmp_path / name, name="r")))
        for name in ("", "none", "HEAD", "loop")
    }
    assert gone == {"": False, "none": True, "HEAD": True, "loop": False}


def test_a_runner_has_stopped_when_all_that_it_runs_has_ended(script: Callable[..., Script], run: Run) -> None:
    running = script("cat")
    clients = [RecordingClient(), RecordingClient()]
    serving = [running.serve(client) for client in clients]
    stopping = [running.runner.stop(), running.runner.stop()]
    for client, served in zip(clients, serving, strict=True):
        assert [stopped.called for stopped in stopping] == [False, False]
        client.git.finish()
        run(_wait_for(served))
    assert [stopped.called for stopped in stopping] == [True, True]


def test_git_inherits_no_descriptor_and_no_ignored_signal(script: Callable[..., Script], run: Run) -> None:
    client = RecordingClient()
    run(_wait_for(script("ls /proc/self/fd | tr '\\n' ' '; grep SigIgn /proc/self/status").serve(client)))
    descriptors, _, ignored = client.output.decode().partition("SigIgn:\t")
    assert descriptors.split() == ["0", "1", "2", "3"]  # 3 is the folder that `ls` reads
    assert int(ignored, 16) & 0x7FFFFFFF == 0  # signals 32 and 33 are the C library's own


def test_git_leads_a_process_group_of_its_own(script: Callable[..., Script], run: Run) -> None:
    """`_trySpawnInsteadOfFork` is Twisted's private name: were it no longer called, git would be in our own group."""
    client = RecordingClient()
    run(_wait_for(script("read pid comm state parent group rest < /proc/$$/stat; echo $$ $group").serve(client)))
    pid, group = client.output.split()
    assert pid == group
