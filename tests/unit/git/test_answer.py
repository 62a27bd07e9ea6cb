"""One git, several readers: what each gets, whom git waits for, and what is kept."""

import os
import threading
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from waiting import wait_until

from gitgate.git.answer import Answer, Reader
from gitgate.git.answer_store import AnswerStore, Budget
from gitgate.git.process import GitExit
from gitgate.git.question import WholeQuestion

ENDED = GitExit(code=0, bytes_in=0, bytes_out=0)


class FakeGit:
    def __init__(self) -> None:
        self.input = b""
        self.events: list[str] = []

    def write(self, data: bytes) -> None:
        self.input += data

    def finish(self) -> None:
        self.events.append("finish")

    def pauseProducing(self) -> None:
        self.events.append("pause")

    def resumeProducing(self) -> None:
        self.events.append("resume")

    def stopProducing(self) -> None:
        raise AssertionError("nobody stops it")


class Ear:
    """Takes what it is told; `most` bytes, and then it pauses its reader."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.heard = b""
        self.errors = b""
        self.reader: Reader | None = None

    def said(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) >= self.most and self.reader is not None:
            self.reader.pause()

    def said_error(self, data: bytes) -> None:
        self.errors += data


class Scene:
    """An answer with a git that says what the test lets it."""

    def __init__(self, folder: Path, *, room: int | None) -> None:
        self.budget = Budget(room or 0, lambda: False)
        self.spoilt = 0
        store = None if room is None else AnswerStore(self.budget, folder)
        self.clock = Clock()
        self.answer = Answer(WholeQuestion(b"question"), self.clock, store, self._spoil)
        self.git = FakeGit()
        self.cancelled = 0
        self.running: Deferred[GitExit] = Deferred(self._cancel)

    def _spoil(self) -> None:
        self.spoilt += 1

    def _cancel(self, running: Deferred[GitExit]) -> None:
        self.cancelled += 1
        running.callback(GitExit(code=-13, bytes_in=0, bytes_out=0, abandoned=True))

    def begin(self, *ears: Ear) -> list[Reader]:
        readers = [self.join(ear) for ear in ears]
        self.answer.git_started(self.git)
        self.answer.runs(self.running)
        return readers

    def join(self, ear: Ear) -> Reader:
        ear.reader = reader = self.answer.reader(ear)
        reader.read()
        return reader


@pytest.fixture
def kept(tmp_path: Path) -> Scene:
    return Scene(tmp_path, room=10**6)


@pytest.fixture
def kept_long(tmp_path: Path) -> Scene:
    return Scene(tmp_path, room=10**8)


@pytest.fixture
def unkept(tmp_path: Path) -> Scene:
    return Scene(tmp_path, room=None)


def test_git_is_asked_once_and_everybody_hears_it(kept: Scene) -> None:
    first, second, third = Ear(), Ear(), Ear()
    readers = kept.begin(first, second)
    kept.answer.write(b"one ")
    kept.answer.write(b"two")
    late = kept.join(third)
    kept.running.callback(ENDED)
    assert (kept.git.input, kept.git.events) == (b"question", ["finish"])
    assert [first.heard, second.heard, third.heard] == [b"one two"] * 3
    assert [reader.ended.result for reader in (*readers, late)] == [ENDED] * 3


def test_what_is_kept_is_read_by_who_comes_after_the_end(kept: Scene) -> None:
    kept.begin(Ear())
    for _ in range(10):
        kept.answer.write(os.urandom(50_000))  # more than stays in memory, or is read at once
    kept.running.callback(ENDED)
    late, slow = Ear(), Ear(most=70_000)
    reader = kept.join(late)
    slow_reader = kept.join(slow)
    assert (len(late.heard), reader.ended.result) == (500_000, ENDED)
    assert not slow_reader.ended.called
    slow.most = 10**9
    slow_reader.resume()
    assert (slow.heard, slow_reader.ended.result) == (late.heard, ENDED)


def test_a_reader_that_stalls_holds_up_neither_git_nor_the_others(kept: Scene) -> None:
    stalled, other = Ear(most=1), Ear()
    kept.begin(stalled, other)
    for _ in range(5):
        kept.answer.write(b"x" * 50_000)
    assert (len(stalled.heard), len(other.heard)) == (50_000, 250_000)
    assert "pause" not in kept.git.events


def test_where_nothing_is_kept_git_waits_for_its_reader(unkept: Scene) -> None:
    """A client that does not read must cost neither memory nor disk."""
    ear = Ear(most=1)
    (reader,) = unkept.begin(ear)
    unkept.answer.write(b"a" * 1000)
    unkept.answer.write(b"b" * 1000)
    assert (len(ear.heard), unkept.git.events[-1]) == (1000, "pause")
    ear.most = 10**9
    reader.resume()
    assert (len(ear.heard), unkept.git.events[-1]) == (2000, "resume")
    unkept.running.callback(ENDED)
    assert reader.ended.result == ENDED


def test_an_answer_that_outgrows_its_room_goes_on_without_being_kept(tmp_path: Path) -> None:
    scene = Scene(tmp_path, room=100_000)
    quick, slow = Ear(), Ear(most=1)
    _, reader = scene.begin(quick, slow)
    said = [os.urandom(40_000) for _ in range(4)]
    for piece in said[:3]:
        scene.answer.write(piece)
    assert (scene.answer.is_shared, scene.spoilt, scene.git.events[-1]) == (False, 1, "pause")
    assert quick.heard == b"".join(said[:3])
    slow.most = 10**9
    reader.resume()
    assert scene.git.events[-1] == "resume"
    scene.answer.write(said[3])
    scene.running.callback(ENDED)
    assert slow.heard == quick.heard == b"".join(said)
    assert scene.budget.used == 0


def outgrown(folder: Path, stalled: Ear, other: Ear) -> tuple[Scene, list[Reader]]:
    """One for which there was no room for all of it, while two read; the first one takes nothing any more."""
    scene = Scene(folder, room=100_000)
    readers = scene.begin(stalled, other)
    for _ in range(4):
        scene.answer.write(b"x" * 40_000)
    return scene, readers


def test_who_takes_nothing_holds_up_nobody_for_long_where_there_is_no_room(tmp_path: Path) -> None:
    """1. Somebody asks for what somebody else is just getting. 2. They read nothing. 3. The disk is full, and git would
    wait for them, and everybody with it, until nothing has moved for ten minutes.
    """
    stalled, other = Ear(most=1), Ear()
    scene, (stalling, reading) = outgrown(tmp_path, stalled, other)
    assert scene.git.events[-1] == "pause"
    scene.clock.advance(29)
    assert not stalling.ended.called
    scene.clock.advance(2)
    assert (stalling.ended.result.code, stalling.ended.result.abandoned) == (128, True)
    assert stalled.errors == b"gitgate: there is no room to keep this until you have it; try again\n"
    assert scene.git.events[-1] == "resume"
    scene.running.callback(ENDED)
    assert (len(other.heard), reading.ended.result) == (160_000, ENDED)
    assert (scene.budget.used, scene.clock.getDelayedCalls()) == (0, [])


def test_who_catches_up_in_time_is_not_left_behind(tmp_path: Path) -> None:
    stalled, other = Ear(most=1), Ear()
    scene, (stalling, _) = outgrown(tmp_path, stalled, other)
    scene.clock.advance(29)
    stalled.most = 10**9
    stalling.resume()
    stalling.pause()
    scene.answer.write(b"x" * 40_000)
    scene.clock.advance(29)
    assert not stalling.ended.called
    stalling.resume()
    scene.running.callback(ENDED)
    assert (stalled.heard, stalling.ended.result) == (other.heard, ENDED)


def test_who_is_slow_and_goes_on_is_not_left_behind_with_who_takes_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path, room=100_000)
    stalled, slow, other = Ear(most=1), Ear(most=100_000), Ear()
    stalling, moving, _ = scene.begin(stalled, slow, other)
    for _ in range(4):
        scene.answer.write(b"x" * 40_000)
    scene.clock.advance(31)
    assert (stalling.ended.called, moving.ended.called) == (True, False)
    slow.most = 10**9
    moving.resume()
    scene.running.callback(ENDED)
    assert (slow.heard, moving.ended.result) == (other.heard, ENDED)


def test_who_is_slow_is_not_left_behind_while_nobody_waits(tmp_path: Path) -> None:
    scene, (stalling, other) = outgrown(tmp_path, Ear(most=1), Ear(most=160_000))
    scene.clock.advance(100)
    assert not stalling.ended.called
    other.resume()
    scene.clock.advance(30)
    assert stalling.ended.called


def test_a_full_disk_ends_no_answer(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "not there", room=10**6)
    ear = Ear()
    (reader,) = scene.begin(ear)
    said = os.urandom(90_000)
    scene.answer.write(said[:50_000])
    scene.answer.write(said[50_000:])
    scene.running.callback(ENDED)
    assert (ear.heard, reader.ended.result, scene.spoilt) == (said, ENDED, 1)


@pytest.mark.parametrize("how", [replace(ENDED, code=128), replace(ENDED, silent=True)])
def test_what_git_failed_to_say_is_not_kept(kept: Scene, how: GitExit) -> None:
    ear = Ear()
    (reader,) = kept.begin(ear)
    kept.answer.write_error(b"fatal: bad object")
    kept.running.callback(how)
    assert (reader.ended.result, ear.errors) == (how, b"fatal: bad object")
    assert (kept.answer.is_shared, kept.spoilt) == (False, 1)


def test_a_git_that_cannot_be_started_is_an_error_for_who_waits(kept: Scene) -> None:
    (reader,) = kept.begin(Ear())
    kept.running.errback(Failure(FileNotFoundError("git")))
    failures: list[Failure] = []
    reader.ended.addErrback(failures.append)
    assert failures[0].check(FileNotFoundError)
    assert kept.spoilt == 1


def test_git_goes_on_while_somebody_reads_and_ends_with_the_last(kept: Scene) -> None:
    first, second = kept.begin(Ear(), Ear())
    assert ensureDeferred(first.leave()).called
    assert (kept.cancelled, kept.answer.is_shared) == (0, True)
    assert ensureDeferred(second.leave()).called
    assert (kept.cancelled, kept.answer.is_shared) == (1, False)
    assert kept.budget.used == 0


def test_one_who_leaves_no_longer_holds_up_git(unkept: Scene) -> None:
    stalled = Ear(most=1)
    leaving, _ = unkept.begin(stalled, Ear())
    unkept.answer.write(b"a" * 1000)
    unkept.answer.write(b"b" * 1000)
    assert unkept.git.events[-1] == "pause"
    ensureDeferred(leaving.leave())
    assert (unkept.git.events[-1], unkept.cancelled) == ("resume", 0)


def test_what_is_discarded_is_still_read_to_its_end_and_then_gone(kept: Scene) -> None:
    slow = Ear(most=1)
    (reader,) = kept.begin(slow)
    kept.answer.write(b"x" * 100_000)
    kept.answer.write(b"y" * 100_000)
    kept.answer.discard()
    kept.running.callback(ENDED)
    assert kept.budget.used == 200_000
    slow.most = 10**9
    reader.resume()
    assert (len(slow.heard), reader.ended.result, kept.budget.used) == (200_000, ENDED, 0)


def test_a_push_in_the_middle_of_a_clone_holds_up_nobody(kept: Scene) -> None:
    """What is no longer to be found is kept for those who read it already, at different speeds."""
    stalled, other = Ear(most=1), Ear()
    slow, _ = kept.begin(stalled, other)
    kept.answer.write(b"x" * 100_000)
    kept.answer.discard()
    kept.answer.write(b"y" * 100_000)
    assert (len(other.heard), "pause" in kept.git.events) == (200_000, False)
    kept.running.callback(ENDED)
    stalled.most = 10**9
    slow.resume()
    assert (stalled.heard, kept.budget.used) == (other.heard, 0)


def test_an_answer_leaves_no_file_and_no_descriptor_behind(kept: Scene, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    kept.begin(Ear())
    kept.answer.write(b"x" * 100_000)
    assert (list(tmp_path.iterdir()), len(os.listdir("/proc/self/fd"))) == ([], before + 1)
    kept.running.callback(ENDED)
    kept.answer.discard()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_very_long_answer_is_gone_soon_and_who_forgets_it_does_not_wait(
    kept_long: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    closers: list[threading.Thread] = []
    close = os.close
    monkeypatch.setattr(os, "close", lambda file: (closers.append(threading.current_thread()), close(file)))
    kept_long.begin(Ear())
    for _ in range(17):
        kept_long.answer.write(b"x" * 2**20)
    kept_long.running.callback(ENDED)
    closers.clear()
    kept_long.answer.discard()
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before, "it is still there")
    assert (len(os.listdir("/proc/self/fd")), kept_long.budget.used) == (before, 0)
    assert threading.main_thread() not in closers


@pytest.mark.parametrize("room", [None, 50_000, 300_000, 10**6])
@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_each_reader_hears_what_git_says_in_its_order(
    tmp_path: Path, seed: int, room: int | None
) -> None:
    """Readers come, stall, go on and leave, there is room or not, git ends well, badly or not at all, and the answer is
    forgotten or not: each hears the start of what git says, and all of it where it is told that git has ended.
    """
    random = Random(seed)
    descriptors = len(os.listdir("/proc/self/fd"))
    scene = Scene(tmp_path, room=room)
    ear = Ear(most=random.choice((1, 70_000, 10**9)))
    reading = dict(zip(scene.begin(ear), [ear], strict=True))
    said = b""

    def joins() -> None:
        if scene.answer.is_shared:
            ear = Ear(most=random.choice((1, 70_000, 10**9)))
            reading[scene.join(ear)] = ear

    def speaks() -> None:
        nonlocal said
        if scene.git.events[-1] != "pause":
            piece = random.randbytes(random.choice((10, 3000, 65_536)))
            said += piece
            scene.answer.write(piece)

    def resumes() -> None:
        reader, ear = random.choice(list(reading.items()))
        ear.most = random.choice((len(ear.heard) + 1, 10**9))
        if not reader.ended.called:
            reader.resume()

    def leaves() -> None:
        if len(reading) > 1:
            reader = random.choice(list(reading))
            del reading[reader]
            assert ensureDeferred(reader.leave()).called

    def waits() -> None:
        scene.clock.advance(random.choice((1, 31)))

    steps = [joins, speaks, speaks, speaks, resumes, resumes, leaves, waits, scene.answer.discard]
    for _ in range(random.randrange(60)):
        random.choice(steps)()
        assert all(said.startswith(ear.heard) for ear in reading.values())
        assert len(scene.answer._unstored) <= 65_536
        assert 0 <= scene.budget.used <= (room or 0)
    if not scene.running.called:
        scene.running.callback(random.choice((ENDED, replace(ENDED, code=128))))
    for reader, ear in reading.items():
        ear.most = 10**9
        if not reader.ended.called:
            reader.resume()
        assert reader.ended.result.abandoned or ear.heard == said
    scene.answer.discard()
    assert (scene.budget.used, scene.clock.getDelayedCalls()) == (0, [])
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_long_answer_leaves_others_their_turn(tmp_path: Path) -> None:
    """Whose socket takes all that it is given would keep everybody waiting until it has the whole of it."""
    scene = Scene(tmp_path, room=10**7)
    scene.begin(Ear())
    said = os.urandom(3_000_000)
    scene.answer.write(said)
    scene.running.callback(ENDED)
    ear, other = Ear(), Ear()
    reader, leaving = scene.join(ear), scene.join(other)
    assert (len(ear.heard), reader.ended.called) == (2**20, False)
    ensureDeferred(leaving.leave())
    scene.clock.advance(0)
    scene.clock.advance(0)
    assert (ear.heard, reader.ended.result) == (said, ENDED)
    assert (len(other.heard), scene.clock.getDelayedCalls()) == (2**20, [])


def test_what_git_goes_on_to_say_brings_nobody_their_turn_sooner(kept_long: Scene) -> None:
    """Who comes late to a long answer has much to read; each of git's words would give each of them a MiB more."""
    first, late = Ear(), Ear()
    kept_long.begin(first)
    for _ in range(3):
        kept_long.answer.write(os.urandom(2**20))
    kept_long.join(late)
    kept_long.answer.write(b"more")
    assert (len(first.heard), len(late.heard)) == (3 * 2**20 + 4, 2**20)
    for _ in range(3):
        kept_long.clock.advance(0)
    assert (late.heard, kept_long.clock.getDelayedCalls()) == (first.heard, [])
