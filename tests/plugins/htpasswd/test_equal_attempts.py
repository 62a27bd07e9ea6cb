"""Equal logins at the same time are hashed once, and nobody can tell from that who is in the file."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha1
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from gitgate_htpasswd import HtpasswdPlugin, attempts
from gitgate_htpasswd.hashes import Hash
from twisted.internet.defer import Deferred

from gitgate.plugin import Identity, Password, Peer, Rejected
from gitgate.plugin_chain import PluginChain
from gitgate.plugin_registration import Member
from gitgate.testing.waiting_loop import WaitingLoop

#: Each with a name and a password.
Logins: TypeAlias = list[tuple[str, str]]


def line(name: str, password: str) -> str:
    return f"{name}:{{SHA}}{base64.b64encode(sha1(password.encode()).digest()).decode()}\n"


USERS = line("alice", "secret") + line("bob", "other") + "locked:!\n"

ALICE = Identity(name="alice")
WRONG = Rejected("wrong password")


class Meeting:
    """Nobody's hashing ends, nor does it begin to be waited for, before so many hash or wait; so all are in time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashed: list[bytes] = []
        self.begun = threading.Event()
        self.failure: Exception | None = None
        self._barrier = threading.Barrier(1)
        fits = Hash.fits

        class MeetingFuture(Future[bool]):
            def result(future, timeout: float | None = None) -> bool:  # noqa: N805 - `self` is the meeting
                self._meet()
                return super().result(timeout)

        def meeting_fits(hash_: Hash, password: bytes) -> bool:
            self.hashed.append(password)
            self.begun.set()
            self._meet()
            if self.failure is not None:
                raise self.failure
            return fits(hash_, password)

        monkeypatch.setattr(attempts, "Future", MeetingFuture)
        monkeypatch.setattr(Hash, "fits", meeting_fits)

    def of(self, count: int) -> None:
        """So many are to come."""
        self.hashed.clear()
        self.begun.clear()
        self._barrier = threading.Barrier(count, timeout=30)

    def _meet(self) -> None:
        self._barrier.wait()


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    return Meeting(monkeypatch)


@pytest.fixture
def log_in_at_once(log_in: Callable[..., object], meeting: Meeting) -> Callable[[HtpasswdPlugin, Logins], list[Any]]:
    """The answers to these logins, each in a thread of its own, at the same time. What was raised is an answer, too."""

    def log_in_at_once(plugin: HtpasswdPlugin, logins: Logins) -> list[Any]:
        meeting.of(len(logins))
        with ThreadPoolExecutor(len(logins)) as threads:
            answers = [threads.submit(log_in, plugin, name, password) for name, password in logins]
        return [answer.exception() or answer.result() for answer in answers]

    return log_in_at_once


def test_a_burst_of_equal_logins_is_hashed_once(load, log_in_at_once, meeting) -> None:
    assert log_in_at_once(load(USERS), [("alice", "secret")] * 4) == [ALICE] * 4
    assert meeting.hashed == [b"secret"]


def test_a_wrong_password_is_refused_to_each_and_hashed_again_afterwards(load, log_in_at_once, meeting) -> None:
    plugin = load(USERS)
    for _ in range(2):
        assert log_in_at_once(plugin, [("alice", "guess")] * 4) == [WRONG] * 4
        assert meeting.hashed == [b"guess"]


def test_different_passwords_share_nothing(load, log_in_at_once, meeting) -> None:
    assert log_in_at_once(load(USERS), [("alice", "secret"), ("alice", "guess")]) == [ALICE, WRONG]
    assert sorted(meeting.hashed) == [b"guess", b"secret"]


@pytest.mark.parametrize("name", ["alice", "nobody", "locked"])
def test_equal_guesses_cost_one_hashing_whether_or_not_the_user_is_there(name, load, log_in_at_once, meeting) -> None:
    """1. Somebody sends the same guess four times at once. 2. For a name of the file it is hashed once, for another one
    four times: what is left of the processor, or how long all four take, tells which names are there."""
    log_in_at_once(load(USERS), [(name, "guess")] * 4)
    assert meeting.hashed == [b"guess"]


@pytest.mark.parametrize("names", [["alice", "bob"], ["nobody", "nemo"], ["alice", "nobody"], ["locked", "nobody"]])
def test_the_same_guess_for_two_names_costs_two_hashings_whoever_is_there(names, load, log_in_at_once, meeting) -> None:
    """1. Somebody sends one guess for two names at once. 2. Unknown users have the decoy's hash in common, and share
    its hashing; two who are in the file have hashes of their own: both are there if it takes twice as much."""
    log_in_at_once(load(USERS), [(name, "guess") for name in names])
    assert meeting.hashed == [b"guess"] * 2


def test_an_unknown_user_shares_nothing_with_the_user_whose_hash_is_the_decoy(load, log_in_at_once, meeting) -> None:
    assert log_in_at_once(load(USERS), [("alice", "secret"), ("nobody", "secret")]) == [ALICE, None]
    assert meeting.hashed == [b"secret"] * 2


def test_a_hashing_that_fails_fails_for_all_who_wait_and_for_nobody_later(load, log_in_at_once, meeting) -> None:
    plugin = load(USERS)
    meeting.failure = MemoryError("argon2id wants 1 GiB")
    assert log_in_at_once(plugin, [("alice", "secret")] * 3) == [meeting.failure] * 3
    meeting.failure = None
    assert log_in_at_once(plugin, [("alice", "secret")] * 3) == [ALICE] * 3


def test_who_comes_when_the_line_is_another_one_does_not_wait_for_the_old_one(
    load: Callable[..., HtpasswdPlugin],
    log_in: Callable[..., object],
    meeting: Meeting,
    users_file: Path,
    advance: Callable[[float], None],
) -> None:
    """1. A password has leaked, and is being hashed. 2. Its user gets another one. 3. Whoever comes with the leaked one
    now must not hear what is found out about the line of before."""
    plugin = load(line("alice", "leaked"))
    meeting.of(2)
    with ThreadPoolExecutor(1) as threads:
        before = threads.submit(log_in, plugin, "alice", "leaked")
        assert meeting.begun.wait(30)
        users_file.write_text(line("alice", "fresh") + "#\n")
        advance(2)
        assert log_in(plugin, "alice", "leaked") == WRONG
    assert before.result() == ALICE


def test_the_others_are_logged_in_when_the_client_that_came_first_goes_away(
    load: Callable[..., HtpasswdPlugin], meeting: Meeting, peer: Peer
) -> None:
    loop = WaitingLoop()
    chain = PluginChain([Member(name="htpasswd", plugin=load(USERS))], loop.reactor)
    alice = Password(username="alice", password="secret")
    meeting.of(2)

    first = Deferred.fromCoroutine(chain.authenticate(alice, peer))
    assert meeting.begun.wait(30)
    second = Deferred.fromCoroutine(chain.authenticate(alice, peer))
    gone: list[object] = []
    first.addErrback(gone.append)
    first.cancel()

    async def answer_to_second() -> Any:
        return await second

    ruling = loop.run(answer_to_second())

    assert (ruling.decision, len(gone), meeting.hashed) == (ALICE, 1, [b"secret"])
