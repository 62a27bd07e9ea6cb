"""Who gets a turn, who waits, and who is refused."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import Clock

from gitgate.config import Limits
from gitgate.git.admission import Admission, Turn, Turnstile
from gitgate.plugin import ANONYMOUS, Duration, Identity, Peer, Transport
from gitgate.refusals import Overloaded
from gitgate.testing import a_fetch, a_repository, an_identity

ALICE, BOB = an_identity("alice"), an_identity("bob")


def peer_at(address: str) -> Peer:
    return Peer(transport=Transport.SSH, address=address, port=1, encrypted=True)


class Operation:
    """One that runs until it is told to end. `state` is what has become of it."""

    def __init__(self, turn: Awaitable[Turn]) -> None:
        self.state = "waiting"
        self._end: Deferred[None] = Deferred()
        self._running = ensureDeferred(self._run(turn))
        self._running.addErrback(self._failed)

    async def _run(self, turn: Awaitable[Turn]) -> None:
        with await turn:
            self.state = "running"
            await self._end
        self.state = "done"

    def _failed(self, failure: Any) -> None:
        self.state = "gone" if failure.check(CancelledError) else str(failure.value)

    def end(self) -> None:
        self._end.callback(None)

    def leave(self) -> None:
        self._running.cancel()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def begin(clock: Clock) -> Callable[..., Callable[..., Operation]]:
    def admission(**limits: int) -> Callable[..., Operation]:
        gate = Admission(clock, Limits(operation_wait=Duration(10), **limits))  # type: ignore[arg-type]

        def operation(identity: Identity = ALICE, repository: str = "r", address: str = "192.0.2.1") -> Operation:
            return Operation(gate.begin(a_fetch(peer=peer_at(address)), a_repository(repository), identity))

        return operation

    return admission


def states(*operations: Operation) -> list[str]:
    return [operation.state for operation in operations]


def test_as_many_run_as_may_and_the_others_follow_in_their_order(begin) -> None:
    operation = begin(max_operations=2)
    first, second, third, fourth = (operation() for _ in range(4))
    assert states(first, second, third, fourth) == ["running", "running", "waiting", "waiting"]
    second.end()
    assert states(first, second, third, fourth) == ["running", "done", "running", "waiting"]
    first.end()
    third.end()
    fourth.end()
    assert states(first, second, third, fourth) == ["done"] * 4
    assert operation().state == "running"


def test_no_more_wait_than_may_run(begin) -> None:
    operation = begin(max_operations=2)
    assert (
        states(*(operation() for _ in range(5)))[4]
        == "2 run and as many wait, the most that limits.max_operations allows"
    )


def test_who_waits_too_long_is_refused_and_takes_nobodys_turn(begin, clock) -> None:
    operation = begin(max_operations=1)
    first, second = operation(), operation()
    clock.advance(9)
    third = operation()
    clock.advance(2)
    refused = "1 run and as many wait, the most that limits.max_operations allows"
    assert states(second, third) == [
        "1 run, the most that limits.max_operations allows, and none ended in time",
        refused,
    ]
    fourth = operation()
    first.end()
    assert fourth.state == "running"


def test_who_goes_away_while_waiting_takes_nobodys_turn(begin) -> None:
    operation = begin(max_operations=1)
    first, second = operation(), operation()
    second.leave()
    third = operation()
    first.end()
    assert states(second, third) == ["gone", "running"]


@pytest.mark.parametrize(
    ("limit", "same", "another"),
    [
        ("max_operations_per_repository", {}, {"repository": "other"}),
        ("max_operations_per_identity", {}, {"identity": BOB}),
        ("max_operations_per_source", {}, {"address": "192.0.2.2"}),
    ],
)
def test_who_takes_more_than_their_share_waits_and_nobody_else_does(begin, limit, same, another) -> None:
    operation = begin(**{limit: 1})
    first, second, other = operation(), operation(**same), operation(**another)
    assert states(first, second, other) == ["running", "waiting", "running"]
    first.end()
    assert second.state == "running"


def test_who_waits_for_themselves_takes_no_place_of_the_server(begin) -> None:
    """1. Somebody starts a hundred fetches at once. 2. All but one wait. 3. They must not stand in front of others."""
    operation = begin(max_operations=2, max_operations_per_identity=1, max_operations_per_source=100)
    greedy = [operation() for _ in range(2)]
    assert states(*greedy, operation(BOB)) == ["running", "waiting", "running"]


def test_anonymous_users_and_exempt_addresses_are_not_one(begin) -> None:
    operation = begin(max_operations_per_identity=1, max_operations_per_source=1)
    local = [operation(ANONYMOUS, address="127.0.0.1") for _ in range(3)]
    assert states(*local) == ["running"] * 3


def test_clones_have_turns_of_their_own(clock) -> None:
    admission = Admission(clock, Limits(max_clones=1, operation_wait=Duration(10)))
    first = ensureDeferred(admission.begin_clone(peer_at("192.0.2.1")))
    waiting = ensureDeferred(admission.begin_clone(peer_at("192.0.2.1")))
    refused: list[Any] = []
    ensureDeferred(admission.begin_clone(peer_at("192.0.2.1"))).addErrback(refused.append)
    assert not waiting.called
    assert refused[0].check(Overloaded)
    first.result.close()
    assert waiting.called


def test_one_source_does_not_take_all_turns_of_the_clones(clock) -> None:
    """1. Somebody clones what is not kept, twenty times at once. 2. They take 64 KiB in two minutes. 3. Nobody else can
    clone anything for a day.
    """
    admission = Admission(clock, Limits(max_clones=4, max_clones_per_source=2, operation_wait=Duration(10)))
    greedy = [ensureDeferred(admission.begin_clone(peer_at("192.0.2.1"))) for _ in range(4)]
    other = ensureDeferred(admission.begin_clone(peer_at("192.0.2.2")))
    assert [turn.called for turn in (*greedy, other)] == [True, True, False, False, True]


LIMITS = {
    "max_operations": 4,
    "max_operations_per_source": 2,
    "max_operations_per_identity": 2,
    "max_operations_per_repository": 3,
    "max_clones": 2,
    "max_clones_per_source": 1,
}


@pytest.mark.parametrize("seed", range(40))
def test_whoever_comes_waits_goes_away_or_ends_no_turn_is_lost_or_given_twice(seed: int) -> None:
    random = Random(seed)
    clock = Clock()
    gate = Admission(clock, Limits(operation_wait=Duration(10), **LIMITS))  # type: ignore[arg-type]
    operations: list[tuple[Operation, dict[str, str]]] = []

    def comes() -> None:
        who = {"identity": random.choice("ab"), "repository": random.choice("rs"), "address": random.choice("12")}
        peer = peer_at(f"192.0.2.{who['address']}")
        turn = gate.begin(a_fetch(peer=peer), a_repository(who["repository"]), an_identity(who["identity"]))
        operations.append((Operation(turn), who))

    def clones() -> None:
        operations.append((Operation(gate.begin_clone(peer_at(f"192.0.2.{random.randrange(3)}"))), {}))

    def moves_on() -> None:
        operation, _ = random.choice(operations or [(None, {})])
        if operation is not None and operation.state == "running":
            random.choice((operation.end, operation.leave))()
        elif operation is not None and operation.state == "waiting":
            operation.leave()

    def waits() -> None:
        clock.advance(random.choice((1, 11)))

    def running(what: str, whose: str) -> int:
        return sum(operation.state == "running" and who.get(what) == whose for operation, who in operations)

    for _ in range(random.randrange(80)):
        random.choice((comes, comes, comes, clones, moves_on, moves_on, waits))()
        assert sum(operation.state == "running" for operation, who in operations if who) <= 4
        assert sum(operation.state == "running" for operation, who in operations if not who) <= 2
        assert max(running("address", "1"), running("address", "2")) <= 2
        assert max(running("identity", "a"), running("identity", "b")) <= 2
        assert max(running("repository", "r"), running("repository", "s")) <= 3
    for operation, _ in operations:
        if operation.state == "running":
            operation.end()
    while any(operation.state == "running" for operation, _ in operations):
        next(operation for operation, _ in operations if operation.state == "running").end()
    assert not [operation for operation, _ in operations if operation.state == "waiting"]
    assert clock.getDelayedCalls() == []
    turnstiles = [turnstile for turnstile in vars(gate).values() if isinstance(turnstile, Turnstile)]
    assert len(turnstiles) == len(LIMITS)
    for turnstile in turnstiles:
        assert (turnstile._inside, turnstile._waiting) == ({}, {})
