"""Many questions at once, to a real service: how many it gets, who waits, and who is told to try again."""

import json
import resource
import threading
from typing import Any

import pytest
from gitgate_webhook.failures import NoAnswer, NotAsked, ServiceDown
from gitgate_webhook.settings import Breaker
from twisted.internet.defer import CancelledError, Deferred

from gitgate.plugin import Allow, Duration, Identity, Password
from gitgate.testing import a_fetch, a_peer, a_repository, an_identity

QUESTION = (an_identity(), a_fetch(), a_repository())


class Asked:
    """Questions under way, and what has become of each."""

    def __init__(self, coroutines: list[Any]) -> None:
        self.outcomes: list[Any] = [None] * len(coroutines)
        self.waiting = [Deferred.fromCoroutine(coroutine) for coroutine in coroutines]
        for number, deferred in enumerate(self.waiting):
            deferred.addCallbacks(self._has, self._has_failed, (number,), None, (number,))

    def _has(self, answer: Any, number: int) -> None:
        self.outcomes[number] = answer

    def _has_failed(self, failure: Any, number: int) -> None:
        self.outcomes[number] = failure.value

    def are_done(self) -> bool:
        return None not in self.outcomes


def logins(policy: Any, number: int) -> list[Any]:
    return [policy.authenticate(Password(username=f"user{i}", password="x"), a_peer()) for i in range(number)]


def test_the_same_question_under_way_is_asked_once(service: Any, plugin: Any, tag: str, pause: Any) -> None:
    policy = plugin(service.url(tag, delay=0.3, body='{"decision": "allow", "reason": "r"}'))
    same = Asked([policy.authorize(*QUESTION) for _ in range(50)] + [policy.authorize(an_identity("b"), *QUESTION[1:])])
    pause(same.are_done)
    assert same.outcomes == [Allow("r")] * 51
    assert len(service.received(tag)) == 2


def test_whoever_stops_waiting_takes_nothing_from_others_who_ask_the_same(
    service: Any, plugin: Any, tag: str, pause: Any
) -> None:
    """Attack: ask first what others ask, and hang up."""
    policy = plugin(service.url(tag, delay=0.3))
    same = Asked([policy.authorize(*QUESTION) for _ in range(3)])
    same.waiting[0].cancel()
    pause(same.are_done)
    assert [type(each) for each in same.outcomes] == [CancelledError, Allow, Allow]
    assert len(service.received(tag)) == 1


def test_a_failure_is_for_all_who_wait_for_it_and_for_nobody_later(
    starting: Any, plugin: Any, run: Any, tag: str, pause: Any
) -> None:
    failing = starting()
    policy = plugin(failing.url(tag, close_first=1))
    same = Asked([policy.authorize(*QUESTION) for _ in range(5)])
    pause(same.are_done)
    assert {type(each) for each in same.outcomes} == {ServiceDown}
    assert run(policy.authorize(*QUESTION)) == Allow("said so")


def test_two_hundred_logins_at_a_silent_service_are_bounded_and_the_excess_is_refused_at_once(
    starting: Any, plugin: Any, tag: str, pause: Any
) -> None:
    silent = starting()
    silent.freeze()
    policy = plugin(silent.url(tag), timeout=Duration(2), max_exchanges=8, max_waiting=32)
    threads = threading.active_count()

    many = Asked(logins(policy, 200))

    refused = [each for each in many.outcomes if each is not None]
    assert {str(each) for each in refused} == {"8 questions are under way and 32 wait; no more are taken"}
    assert len(refused) == 160
    pause(many.are_done)
    assert {type(each) for each in many.outcomes} == {NotAsked, ServiceDown}
    assert threading.active_count() <= threads + 10  # Twisted's own, which look names up


def test_as_many_as_may_are_under_way_and_the_others_have_their_turn(
    service: Any, plugin: Any, tag: str, pause: Any
) -> None:
    body = json.dumps({"decision": "allow", "identity": {"name": "somebody"}})
    policy = plugin(service.url(tag, delay=0.05, body=body), timeout=Duration(8), max_exchanges=4)
    many = Asked(logins(policy, 40))
    pause(many.are_done)
    assert many.outcomes == [Identity(name="somebody")] * 40
    assert len({each["client"] for each in service.received(tag)}) <= 4  # connections


def test_whoever_waits_in_vain_leaves_the_line(service: Any, plugin: Any, run: Any, tag: str, pause: Any) -> None:
    """A turn that is given to somebody who has gone would be lost for good."""
    policy = plugin(service.url(tag, delay=0.3), timeout=Duration(8), max_exchanges=1, max_waiting=2)
    first = Asked([policy.authorize(*QUESTION)])
    gone = Asked([policy.authorize(an_identity(f"user{i}"), *QUESTION[1:]) for i in range(2)])
    run(policy.stopping())
    pause(lambda: first.are_done() and gone.are_done())
    assert run(policy.authorize(*QUESTION)) == Allow("said so")


def test_the_end_ends_what_is_under_way(starting: Any, plugin: Any, run: Any, tag: str, pause: Any) -> None:
    silent = starting()
    silent.freeze()
    policy = plugin(silent.url(tag), timeout=Duration(60), max_exchanges=1)
    many = Asked([policy.authorize(an_identity(f"user{i}"), *QUESTION[1:]) for i in range(5)])
    run(policy.stopping())
    pause(many.are_done)
    assert {type(each) for each in many.outcomes} == {CancelledError}


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_service_that_is_down_is_left_alone_and_used_again_when_it_is_back(
    starting: Any, plugin: Any, run: Any, tag: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    policy_service = starting()
    breaker = Breaker(failures=2, pause=Duration(10))
    policy = plugin(policy_service.url(tag), timeout=Duration(2), breaker=breaker, clock=lambda: now[0])
    assert run(policy.authorize(*QUESTION)) == Allow("said so")

    getattr(policy_service, fault)()
    failures = []
    for _ in range(4):
        with pytest.raises(NoAnswer) as raised:
            run(policy.authorize(*QUESTION))
        failures.append(raised.value)
    assert [type(each) for each in failures] == [ServiceDown, ServiceDown, NotAsked, NotAsked]
    assert str(failures[2]).endswith("; it is tried again in 10 s")

    (policy_service.start if fault == "kill" else policy_service.thaw)()
    with pytest.raises(NotAsked):
        run(policy.authorize(*QUESTION))
    now[0] += 10
    assert [run(policy.authorize(*QUESTION)) for _ in range(2)] == [Allow("said so")] * 2
    said = [record.getMessage() for record in caplog.records if record.name == "gitgate_webhook.breaker"]
    assert [line.partition(": ")[0] if "in a row" in line else line for line in said] == [
        policy_service.url(tag),
        f"{policy_service.url(tag)} answers again",
    ]


def test_a_service_without_free_file_descriptors_is_down_until_it_has_some(
    starting: Any, plugin: Any, run: Any, tag: str
) -> None:
    """The system goes on taking connections for it, and it answers those that it has."""
    policy_service = starting()
    policy = plugin(policy_service.url(tag), timeout=Duration(2), breaker=Breaker(failures=100))
    restore = policy_service.run_out_of_descriptors()
    with pytest.raises(ServiceDown, match="no whole reply within 2 s"):
        run(policy.authorize(*QUESTION))
    restore()
    assert run(policy.authorize(*QUESTION)) == Allow("said so")


def test_without_a_free_file_descriptor_of_our_own_there_is_no_answer_and_afterwards_one(
    service: Any, plugin: Any, run: Any, tag: str
) -> None:
    policy = plugin(service.url(tag))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(ServiceDown, match="cannot connect"):
            run(policy.authorize(*QUESTION))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert run(policy.authorize(*QUESTION)) == Allow("said so")
