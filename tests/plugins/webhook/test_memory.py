"""What is kept of the answers of a real service, for how long, and for whom."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from gitgate_webhook import WebhookPlugin
from gitgate_webhook.failures import NoAnswer
from gitgate_webhook.memory import Memory
from gitgate_webhook.reply import Decision, Reply
from gitgate_webhook.settings import Cache
from hand_clock import HandClock

from gitgate.plugin import Allow, Deny, Duration, Identity, Password, Size, Transport
from gitgate.testing import a_fetch, a_peer, a_repository, an_identity

Asking = Callable[..., WebhookPlugin]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def asking(service: Any, plugin: Any, tag: str, clock: HandClock) -> Asking:
    """A plugin whose service replies with this, and a clock that stands."""
    return lambda reply, **settings: plugin(service.url(tag, body=json.dumps(reply)), clock=clock, **settings)


@pytest.mark.parametrize(
    ("reply", "settings", "seconds"),
    [
        ({"decision": "allow", "ttl": 60}, {}, 60),
        ({"decision": "allow", "ttl": 0.5}, {}, 0.5),
        ({"decision": "abstain", "ttl": 3600}, {}, 300),
        ({"decision": "allow", "ttl": 10**400}, {"cache": Cache(max_ttl=Duration(2))}, 2),
        ({"decision": "deny", "ttl": 3600}, {}, 10),
        ({"decision": "deny", "ttl": 3600}, {"cache": Cache(max_deny_ttl=Duration(30))}, 30),
        ({"decision": "allow", "ttl": 5, "refs": None}, {"cache": Cache(max_ttl=Duration(0))}, 0),
        ({"decision": "allow"}, {}, 0),
        ({"decision": "deny"}, {}, 0),
        ({"decision": "allow", "ttl": 60}, {"cache": Cache(size=Size(1000))}, 0),
    ],
    ids=str,
)
def test_an_answer_is_used_again_for_its_ttl_and_no_longer_than_is_configured(
    service: Any, run: Any, tag: str, clock: HandClock, asking: Asking, reply: Any, settings: Any, seconds: float
) -> None:
    policy = asking(reply, **settings)

    def asked_after(moment: float) -> int:
        clock.now = 1000.0 + moment
        run(policy.authorize(an_identity(), a_fetch(), a_repository()))
        return len(service.received(tag))

    counts = [asked_after(0), asked_after(0)]
    if seconds:
        counts += [asked_after(seconds - 0.001), asked_after(seconds)]
    assert counts == ([1, 1, 1, 2] if seconds else [1, 2])


def test_a_login_that_is_remembered_is_nobody_elses(service: Any, run: Any, tag: str, asking: Asking) -> None:
    """1. alice logs in, and the answer has a ttl. 2. mallory says she is alice, or comes from where alice may not."""
    policy = asking({"decision": "allow", "identity": {"name": "alice"}, "ttl": 300})
    right = Password(username="alice", password="wonderland")
    first = [(right, a_peer(port=1)), (right, a_peer(port=2))]
    others = [
        (Password(username="alice", password="wonderland "), a_peer()),
        (Password(username="alice", password="wonderlan"), a_peer()),
        (Password(username="Alice", password="wonderland"), a_peer()),
        (Password(username='alice","password":"wonderland', password=""), a_peer()),
        (right, a_peer(address="192.0.2.99")),
        (right, a_peer(Transport.HTTP)),
    ]
    for credentials, peer in first:
        assert run(policy.authenticate(credentials, peer)) == Identity(name="alice")
    assert len(service.received(tag)) == 1
    for credentials, peer in others:
        run(policy.authenticate(credentials, peer))
    assert len(service.received(tag)) == 1 + len(others)


def test_what_somebody_else_is_asked_for_is_not_answered_from_memory(
    service: Any, run: Any, tag: str, asking: Asking
) -> None:
    policy = asking({"decision": "allow", "ttl": 300})
    for identity in (an_identity("alice"), an_identity("bob"), an_identity("alice", "devs")):
        for path in ("/team/app", "/team/other"):
            run(policy.authorize(identity, a_fetch(path), a_repository(path[1:])))
    assert len(service.received(tag)) == 6


def test_memory_has_a_bound_and_keeps_what_is_used() -> None:
    size = 100 * (2048 + 6 * 100)
    memory = Memory(Cache(size=Size(size)), 0.0)
    reply = Reply(decision=Decision.ALLOW, reason="", ttl=60.0)
    used = memory.key(b"used")
    memory.keep(used, "authorize", reply, 100)
    for number in range(1000):
        memory.keep(memory.key(str(number).encode()), "authorize", reply, 100)
        assert memory.good(used) is reply
    kept = sum(memory.good(memory.key(str(number).encode())) is not None for number in range(1000))
    assert kept == 99


def test_a_question_is_remembered_by_a_name_that_tells_nothing_of_it() -> None:
    """Attack: read a dump of the memory, and try guessed passwords against the names of answers."""
    assert Memory(Cache(), 0.0).key(b"password") != Memory(Cache(), 0.0).key(b"password")


class TestStale:
    """With `stale`, the last answer of a service that is down."""

    QUESTION = (an_identity(), a_fetch(), a_repository())

    @pytest.fixture
    def ask(self, starting: Any, plugin: Any, run: Any, tag: str, clock: HandClock) -> Callable[..., Any]:
        """The answer while the service is up, and the same question again when it is down and time has passed."""

        def answers(reply: Any, *, stale: float | None, seconds: float, question: Any = None) -> Any:
            alive = starting()
            settings = {} if stale is None else {"stale": Duration(stale)}
            policy = plugin(alive.url(tag, body=json.dumps(reply)), clock=clock, **settings)
            run(policy.authorize(*self.QUESTION))
            alive.kill()
            clock.advance(seconds)
            return run(policy.authorize(*(question or self.QUESTION)))

        return answers

    @pytest.mark.parametrize(
        ("reply", "kind"), [({"decision": "allow", "reason": "rule 7"}, Allow), ({"decision": "deny"}, Deny)]
    )
    def test_counts_for_so_long_and_says_so(self, ask: Any, reply: Any, kind: type) -> None:
        answer = ask(reply, stale=300, seconds=299)
        assert type(answer) is kind
        assert answer.reason.startswith("stale answer, 299 s old (cannot connect: ")
        assert answer.reason.endswith(": rule 7") or kind is Deny

    @pytest.mark.parametrize(
        ("reply", "stale", "seconds", "question"),
        [
            ({"decision": "allow"}, 300, 300, None),
            ({"decision": "allow"}, None, 0, None),
            ({"decision": "abstain"}, 300, 1, None),
            ({"decision": "allow"}, 300, 1, (an_identity("bob"), a_fetch(), a_repository())),
        ],
        ids=["too old", "not configured", "no opinion", "another question"],
    )
    def test_does_not_count_otherwise(self, ask: Any, reply: Any, stale: Any, seconds: float, question: Any) -> None:
        with pytest.raises(NoAnswer):
            ask(reply, stale=stale, seconds=seconds, question=question)

    def test_is_for_rights_alone(self, starting: Any, plugin: Any, run: Any, tag: str) -> None:
        """Attack: take the service down, and log in with the password that was changed."""
        alive = starting()
        reply = {"decision": "allow", "identity": {"name": "alice"}}
        policy = plugin(alive.url(tag, body=json.dumps(reply)), stale=Duration(300))
        login = (Password(username="alice", password="x"), a_peer())
        run(policy.authenticate(*login))
        run(policy.enrich_identity(an_identity("alice"), a_peer()))
        alive.kill()
        for hook, question in (
            (policy.authenticate, login),
            (policy.enrich_identity, (an_identity("alice"), a_peer())),
        ):
            with pytest.raises(NoAnswer):
                run(hook(*question))
