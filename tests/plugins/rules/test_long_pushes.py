"""A push of many refs is judged as one of a few: by the rules in use when that began, and with others between."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gitgate_rules import RulesPlugin, RulesSettings
from hand_clock import HandClock
from hooks import answered
from twisted.internet.defer import Deferred, DeferredList

from gitgate.plugin import Allow, Deny, GitRequest, RefChange, RefUpdate
from gitgate.plugin_chain import PluginChain
from gitgate.plugin_registration import Member
from gitgate.testing import Probe, a_push, a_repository, an_identity
from gitgate.testing.waiting_loop import WaitingLoop

CREATE, UPDATE, REWIND, DELETE = RefChange
MAIN = "refs/heads/main"
ALICE, REPOSITORY = an_identity("alice"), a_repository()

RULES = (
    {"repos": ["**"], "who": ["everyone"], "refs": ["refs/heads/release/*"], "deny": ["write"], "message": "No."},
    {"repos": ["**"], "who": ["everyone"], "refs": ["refs/heads/**"], "allow": ["write"]},
)


class SlowMachine:
    """A clock by which each look at a ref takes longer than one should work for one push alone."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += 0.02
        return self.now


def a_push_of(*changes: tuple[RefChange, str], request_id: str = "req-1") -> GitRequest:
    updates = tuple(RefUpdate(ref=ref, old="1" * 40, new="2" * 40, change=change) for change, ref in changes)
    return replace(a_push(request_id=request_id), updates=updates)


LONG = a_push_of(*((CREATE, f"refs/heads/{number}") for number in range(20)))
REFUSED = a_push_of(*((CREATE, f"refs/heads/{number}") for number in range(20)), (CREATE, "refs/heads/release/1"))
UNKNOWN = a_push_of(*((CREATE, f"refs/x/{number}") for number in range(20)))


@pytest.mark.parametrize("push", [LONG, REFUSED, UNKNOWN], ids=["allowed", "refused", "unknown"])
def test_it_is_judged_as_if_it_were_short(build: Callable[..., RulesSettings], push: GitRequest) -> None:
    slow, quick = (RulesPlugin(build(*RULES), clock=clock) for clock in (SlowMachine(), HandClock()))
    assert Probe(slow).authorize(ALICE, push) == Probe(quick).authorize(ALICE, push)


def test_who_asks_later_about_a_few_refs_has_the_answer_first(build: Callable[..., RulesSettings]) -> None:
    loop = WaitingLoop()
    chain = PluginChain([Member(name="rules", plugin=RulesPlugin(build(*RULES), clock=SlowMachine()))], loop.reactor)
    order: list[str] = []

    async def both() -> None:
        asked = [
            Deferred.fromCoroutine(chain.authorize(ALICE, push, REPOSITORY)).addCallback(
                lambda _, name=name: order.append(name)
            )
            for name, push in (("long", LONG), ("short", a_push_of((CREATE, MAIN))))
        ]
        await DeferredList(asked, fireOnOneErrback=True)

    loop.run(both())
    assert order == ["short", "long"]


BEFORE = """
- {name: main-stays, repos: ["**"], who: [everyone], refs: [refs/heads/main], deny: [force]}
- {name: before, repos: ["**"], who: [everyone], allow: [write, force]}
"""
AFTER = """
- {name: main-is-frozen, repos: ["**"], who: [everyone], refs: [refs/heads/main], deny: [write]}
- {name: after, repos: ["**"], who: [everyone], allow: [write, force]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(BEFORE)
    return file


def vote(plugin: RulesPlugin, push: GitRequest) -> Allow | Deny | None:
    return answered(plugin.authorize(ALICE, push, REPOSITORY))


def test_a_rewind_is_judged_by_the_rules_that_have_allowed_the_update(file: Path) -> None:
    """Attack: begin to rewind `main`, which may move but not rewind, when it is about to be frozen, for which a rule
    denies to write at all. Neither version of the file allows that; each would allow a half of it."""
    clock = HandClock()
    plugin = RulesPlugin(RulesSettings(file=file), clock=clock)
    moving = vote(plugin, a_push_of((UPDATE, MAIN)))
    file.write_text(AFTER)
    clock.now += 1
    another = vote(plugin, a_push_of((UPDATE, MAIN), request_id="req-2"))
    rewinding = vote(plugin, a_push_of((REWIND, MAIN)))
    assert [moving, another, rewinding] == [
        Allow("before: write allowed to everyone for refs/heads/main"),
        Deny("main-is-frozen: write denied to everyone for refs/heads/main", refs=(MAIN,)),
        Deny("main-stays: force denied to everyone for refs/heads/main", refs=(MAIN,)),
    ]
    assert vote(plugin, a_push_of((REWIND, MAIN))) == Allow("after: force allowed to everyone for refs/heads/main")


def test_rules_that_change_while_a_push_is_judged_are_for_the_next_one(file: Path) -> None:
    class Change(SlowMachine):
        def __call__(self) -> float:
            if self.looks == 4:
                file.write_text(AFTER)
                self.now += 1
            return super().__call__()

    plugin = RulesPlugin(RulesSettings(file=file), clock=Change())
    push = a_push_of((CREATE, "refs/heads/a"), (CREATE, "refs/heads/b"), (CREATE, MAIN))
    assert vote(plugin, push) == Allow("before: write allowed to everyone for refs/heads/a and 2 more")
    assert vote(plugin, push) == Deny("main-is-frozen: write denied to everyone for refs/heads/main", refs=(MAIN,))


def test_pushes_that_another_plugin_refused_are_forgotten(file: Path) -> None:
    clock = HandClock()
    plugin = RulesPlugin(RulesSettings(file=file), clock=clock)
    for number in range(1000):
        vote(plugin, a_push_of((UPDATE, MAIN), request_id=f"req-{number}"))
    assert len(plugin._of_pushes) <= 100


def test_pushes_that_are_refused_push_out_no_other(file: Path) -> None:
    """Attack: as above, and between the two questions push what is refused, more often than pushes are remembered."""
    clock = HandClock()
    plugin = RulesPlugin(RulesSettings(file=file), clock=clock)
    vote(plugin, a_push_of((UPDATE, MAIN)))
    file.write_text(AFTER)
    clock.now += 1
    for number in range(200):
        vote(plugin, a_push_of((UPDATE, MAIN), request_id=f"refused-{number}"))
    assert vote(plugin, a_push_of((REWIND, MAIN))) == Deny(
        "main-stays: force denied to everyone for refs/heads/main", refs=(MAIN,)
    )
