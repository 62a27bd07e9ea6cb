"""When a service is left alone, and how it is tried again."""

from collections.abc import Callable
from typing import Any

import pytest
from gitgate_webhook.breaker import CircuitBreaker
from gitgate_webhook.failures import BadReply, NotAsked, ServiceDown
from gitgate_webhook.settings import Breaker
from twisted.internet.defer import CancelledError, Deferred

from gitgate.plugin import Duration


class Service:
    """Questions go in, and wait until a test ends them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.breaker = CircuitBreaker(Breaker(failures=3, pause=Duration(10)), "it", clock)
        self.asked: list[Deferred[str]] = []

    def ask(self) -> "Deferred[str]":
        """A question; what becomes of it is for `outcome`."""

        def send() -> "Deferred[str]":
            self.asked.append(Deferred())
            return self.asked[-1]

        return Deferred.fromCoroutine(self.breaker.run(send))

    def is_let_through(self) -> bool:
        before = len(self.asked)
        self.ask().addErrback(lambda failure: failure.trap(NotAsked))
        return len(self.asked) > before

    def fail(self, error: Exception | None = None) -> None:
        """One question more, which fails."""
        asking = self.ask()
        self.asked[-1].errback(error or ServiceDown("no"))
        asking.addErrback(lambda failure: failure.trap(ServiceDown, BadReply))


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def service(now: list[float]) -> Service:
    return Service(lambda: now[0])


def outcome(asking: "Deferred[Any]") -> list[Any]:
    found: list[Any] = []
    asking.addBoth(lambda result: found.append(getattr(result, "value", result)))
    return found


def test_some_failures_in_a_row_open_it_and_a_reply_between_them_does_not(service: Service) -> None:
    for error in (None, None, BadReply("a word that is not known"), None, None):
        service.fail(error)
    assert service.is_let_through()
    service.fail()
    assert not service.is_let_through()


def test_after_the_pause_one_question_is_let_through_and_its_reply_lets_all_through(
    service: Service, now: list[float]
) -> None:
    for _ in range(3):
        service.fail()
    now[0] = 9.9
    assert not service.is_let_through()
    now[0] = 10.0
    probe = outcome(service.ask())
    assert [service.is_let_through() for _ in range(3)] == [False] * 3
    service.asked[-1].callback("reply")
    assert probe == ["reply"]
    assert [service.is_let_through() for _ in range(3)] == [True] * 3


def test_a_question_that_is_let_through_in_vain_costs_another_pause(service: Service, now: list[float]) -> None:
    for _ in range(3):
        service.fail()
    now[0] = 10.0
    service.fail()
    now[0] = 19.9
    assert not service.is_let_through()
    now[0] = 20.0
    assert service.is_let_through()


def test_a_question_that_is_given_up_does_not_keep_the_service_closed_for_ever(
    service: Service, now: list[float]
) -> None:
    """Attack: be the one who is let through, and hang up."""
    for _ in range(3):
        service.fail()
    now[0] = 10.0
    probe = service.ask()
    given_up = outcome(probe)
    probe.cancel()
    assert isinstance(given_up[0], CancelledError)
    assert service.is_let_through()


def test_a_reply_that_comes_late_closes_it_and_the_failure_of_the_try_does_not_open_it_again(
    service: Service, now: list[float]
) -> None:
    slow = outcome(service.ask())
    for _ in range(3):
        service.fail()
    now[0] = 10.0
    tried = outcome(service.ask())
    service.asked[0].callback("at last")
    service.asked[-1].errback(ServiceDown("no"))
    assert (slow, type(tried[0])) == (["at last"], ServiceDown)
    assert service.is_let_through()
