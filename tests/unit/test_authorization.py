"""What is asked about the refs of a push, however many they are."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from gitgate.authorization import AllowedPush, Authorization
from gitgate.plugin import Allow, Deny, GitRequest, RefChange, RefUpdate, hookimpl
from gitgate.plugin_chain import PluginChain, Ruling
from gitgate.plugin_registration import Member
from gitgate.refusals import AccessDenied
from gitgate.testing import a_push, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop

CREATE, UPDATE, REWIND, DELETE = RefChange
#: More than is looked at before others have their turn.
MANY = 9000


class NoOpinion:
    """Leaves the decision to others, of whom there are none."""

    @hookimpl
    async def authorize(self, request: GitRequest) -> None:
        return None


@dataclass
class Policy:
    """Denies what is told, and notes the questions."""

    denied: frozenset[tuple[RefChange, str]] = frozenset()
    asked: list[tuple[tuple[RefChange, str], ...]] = field(default_factory=list)

    @hookimpl
    async def authorize(self, request: GitRequest) -> Allow | Deny:
        changes = tuple((update.change, update.ref) for update in request.updates)
        self.asked.append(changes)
        refs = tuple(ref for change, ref in changes if (change, ref) in self.denied)
        return Deny("not these", refs=refs) if refs else Allow("these")


class House:
    """A policy that is asked about a push of these changes, each of a ref of its own."""

    def __init__(self, policy: Policy | NoOpinion, changes: list[tuple[RefChange, str]]) -> None:
        self.loop = WaitingLoop()
        chain = PluginChain([Member(name="policy", plugin=policy)], self.loop.reactor)
        updates = tuple(RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=change) for change, ref in changes)
        self.outcome: list[Any] = []
        asking = Authorization(chain, self.loop.reactor).of_push(an_identity(), a_push(updates=updates), a_repository())
        self.asking = Deferred.fromCoroutine(asking).addBoth(self.outcome.append)

    @property
    def refusal(self) -> AccessDenied:
        (failure,) = self.outcome
        assert isinstance(failure.value, AccessDenied)
        return failure.value


@pytest.mark.parametrize("count", [1, MANY])
def test_branches_are_asked_about_twice_and_tags_as_rewinds_from_the_start(count: int) -> None:
    branches = [f"refs/heads/{number}" for number in range(count)]
    tags = [f"refs/tags/{number}" for number in range(count)]
    policy = Policy(denied=frozenset({(REWIND, "refs/heads/0")}))
    house = House(policy, [*((UPDATE, ref) for ref in branches), *((UPDATE, ref) for ref in tags), (CREATE, "refs/x")])
    house.loop.advance(0)
    assert policy.asked == [
        (*((UPDATE, ref) for ref in branches), *((REWIND, ref) for ref in tags), (CREATE, "refs/x")),
        tuple((REWIND, ref) for ref in branches),
    ]
    (allowed,) = house.outcome
    assert isinstance(allowed, AllowedPush)
    assert allowed.by == Ruling("policy", Allow("these"))
    assert allowed.rewinds_refused is not None
    assert allowed.rewinds_refused.refs == ("refs/heads/0",)


def test_one_ref_of_many_refuses_them_all_and_is_named() -> None:
    house = House(
        Policy(denied=frozenset({(CREATE, "refs/heads/8999")})),
        [(CREATE, f"refs/heads/{number}") for number in range(MANY)],
    )
    house.loop.advance(0)
    assert house.refusal.refs == ("refs/heads/8999",)


def test_before_anybody_is_asked_about_many_refs_others_are_served() -> None:
    policy = Policy()
    house = House(policy, [(CREATE, f"refs/heads/{number}") for number in range(MANY)])
    asked: list[int] = []
    house.loop.callLater(0, lambda: asked.append(len(policy.asked)))
    house.loop.advance(0)
    assert (asked, len(policy.asked)) == ([0], 1)


def test_a_push_whose_client_goes_while_others_are_served_is_asked_about_no_more() -> None:
    policy = Policy()
    house = House(policy, [(CREATE, f"refs/heads/{number}") for number in range(MANY)])
    house.asking.cancel()
    house.loop.advance(0)
    (failure,) = house.outcome
    assert failure.check(CancelledError)
    assert (policy.asked, house.loop.getDelayedCalls()) == ([], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([(DELETE, "refs/heads/x")], "delete for refs/heads/x"),
        ([(UPDATE, "refs/tags/v1")], "force for refs/tags/v1"),
        (
            [(CREATE, "refs/heads/a"), (DELETE, "refs/heads/x"), (UPDATE, "refs/heads/b"), (REWIND, "refs/heads/c")],
            "write for refs/heads/a and 1 more; delete for refs/heads/x; force for refs/heads/c",
        ),
        (
            [(CREATE, f"refs/heads/{number}") for number in range(MANY)],
            "write for refs/heads/0, refs/heads/1, refs/heads/2 and 8997 more",
        ),
    ],
    ids=["delete", "tag", "each", "many"],
)
def test_what_no_plugin_allows_is_told_with_its_verbs_and_a_few_of_the_refs(
    changes: list[tuple[RefChange, str]], reason: str
) -> None:
    house = House(NoOpinion(), changes)
    house.loop.advance(0)
    refusal = house.refusal
    assert (refusal.plugin, refusal.reason) == ("default", f"no plugin allows it: {reason}")
    assert (refusal.message, refusal.refs) == ("access denied (id req-1)", tuple(ref for _, ref in changes))
