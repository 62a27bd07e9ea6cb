"""Each hook as a question over a real connection, and each reply as an answer."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitgate_webhook import WebhookPlugin
from gitgate_webhook.failures import BadReply
from standardwebhooks import Webhook
from twisted.internet.defer import Deferred

from gitgate.plugin import (
    ANONYMOUS,
    Allow,
    BearerToken,
    Deny,
    Identity,
    Missing,
    Password,
    PublicKey,
    RefChange,
    RefUpdate,
    Rejected,
    Repository,
    Secret,
)
from gitgate.testing import a_fetch, a_peer, a_push, a_repository, an_identity

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALICE = Password(username="alice", password="wonderland")


def saying(**reply: Any) -> dict[str, str]:
    """How the service is told what to reply."""
    return {"body": json.dumps(reply)}


LOGINS = [
    (
        saying(decision="allow", identity={"name": "Alice", "groups": ["devs"], "attributes": {"mail": "a@b.example"}}),
        Identity(name="Alice", groups=frozenset({"devs"}), attributes={"mail": "a@b.example"}),
    ),
    (saying(decision="allow", identity={"name": "alice"}), Identity(name="alice")),
    (saying(decision="deny", reason="wrong password"), Rejected("wrong password")),
    (saying(decision="deny"), Rejected("the service denies it")),
    (saying(decision="abstain"), None),
]


@pytest.mark.parametrize(("how", "answer"), LOGINS)
def test_a_login_is_whom_the_service_says(service: Any, plugin: Any, run: Any, tag: str, how: Any, answer: Any) -> None:
    assert run(plugin(service.url(tag, **how)).authenticate(ALICE, a_peer())) == answer


ENRICHED = [
    (saying(decision="allow"), None),
    (
        saying(decision="allow", identity={"groups": ["staff"], "attributes": {"mail": "a@b.example"}}),
        Identity(name="alice", groups=frozenset({"devs", "staff"}), attributes={"mail": "a@b.example"}),
    ),
    (saying(decision="allow", identity={"name": "alice"}), an_identity("alice", "devs")),
    (saying(decision="deny", reason="has left"), Rejected("has left")),
    (saying(decision="abstain", identity={"groups": ["staff"]}), None),
]


@pytest.mark.parametrize(("how", "answer"), ENRICHED)
def test_an_identity_gets_what_the_service_adds(
    service: Any, plugin: Any, run: Any, tag: str, how: Any, answer: Any
) -> None:
    assert run(plugin(service.url(tag, **how)).enrich_identity(an_identity("alice", "devs"), a_peer())) == answer


def test_a_service_that_answers_about_somebody_else_has_failed(service: Any, plugin: Any, run: Any, tag: str) -> None:
    asking = plugin(service.url(tag, **saying(decision="allow", identity={"name": "root"})))
    with pytest.raises(BadReply, match=r"`identity.name` is 'root', and the question was about 'alice'"):
        run(asking.enrich_identity(an_identity("alice"), a_peer()))


VERDICTS = [
    (saying(decision="allow", reason="rule 7"), Allow("rule 7")),
    (saying(decision="allow"), Allow("the service allows it")),
    (
        saying(decision="deny", reason="frozen", message="Closed till Monday.", refs=["refs/heads/main"]),
        Deny("frozen", message="Closed till Monday.", refs=("refs/heads/main",)),
    ),
    (saying(decision="deny"), Deny("the service denies it")),
    (saying(decision="abstain", reason="not mine"), None),
    (
        saying(decision="allow", reason=None, ttl=None, refs=[], new_in_version_2={"a": 1}),
        Allow("the service allows it"),
    ),
    (saying(decision="deny", reason="a\x1b[2J\n", message="b\r\nc"), Deny("a\\x1b[2J\\n", message="b\\r\\nc")),
]


@pytest.mark.parametrize(("how", "answer"), VERDICTS)
def test_a_request_is_allowed_as_the_service_says(
    service: Any, plugin: Any, run: Any, tag: str, how: Any, answer: Any
) -> None:
    assert run(plugin(service.url(tag, **how)).authorize(an_identity(), a_fetch(), a_repository())) == answer


def test_a_path_leads_where_the_service_says(service: Any, plugin: Any, run: Any, tag: str, tmp_path: Path) -> None:
    (tmp_path / "git/app.git").mkdir(parents=True)
    named = {"directory": str(tmp_path / "git/app.git"), "name": "team/app", "moved_to": "/team/app"}
    asking = plugin(service.url(tag, **saying(decision="allow", repository=named)), roots=(tmp_path / "git",))
    answer = run(asking.resolve_path(ANONYMOUS, a_fetch("/old/app")))
    assert answer == Repository(directory=tmp_path / "git/app.git", name="team/app", moved_to="/team/app")


@pytest.mark.parametrize(
    ("how", "answer"),
    [(saying(decision="deny", reason="never was"), Missing("never was")), (saying(decision="abstain"), None)],
)
def test_a_path_may_lead_nowhere(
    service: Any, plugin: Any, run: Any, tag: str, tmp_path: Path, how: Any, answer: Any
) -> None:
    asking = plugin(service.url(tag, **how), roots=(tmp_path,))
    assert run(asking.resolve_path(an_identity(), a_fetch())) == answer


def test_without_roots_the_service_is_not_asked_where_paths_lead_and_the_log_says_so_once(
    service: Any, plugin: Any, run: Any, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    asking = plugin(service.url(tag))
    assert [run(asking.resolve_path(an_identity(), a_fetch())) for _ in range(2)] == [None, None]
    assert service.received(tag) == []
    assert [record.getMessage().partition(" is not asked where paths lead")[0] for record in caplog.records] == [
        service.url(tag)
    ]


def test_a_push_of_a_thousand_refs_is_one_question(service: Any, plugin: Any, run: Any, tag: str) -> None:
    updates = tuple(
        RefUpdate(ref=f"refs/heads/{i}", old="1" * 40, new="2" * 40, change=RefChange.UPDATE) for i in range(1000)
    )
    refused = [f"refs/heads/{i}" for i in range(0, 1000, 7)]
    asking = plugin(service.url(tag, **saying(decision="deny", reason="frozen", refs=refused)))

    answer = run(asking.authorize(an_identity(), a_push(updates=updates), a_repository()))

    assert answer == Deny("frozen", refs=tuple(refused))
    (received,) = service.received(tag)
    assert [update["ref"] for update in json.loads(received["body"])["request"]["updates"]] == [
        update.ref for update in updates
    ]


@pytest.mark.parametrize(
    ("credentials", "accepts"),
    [
        (("password",), (Password,)),
        (("bearer", "publickey", "bearer"), (BearerToken, PublicKey)),
        (("password", "publickey", "bearer"), (Password, PublicKey, BearerToken)),
    ],
)
def test_clients_are_offered_the_logins_that_the_service_is_for(
    plugin: Callable[..., WebhookPlugin], credentials: Any, accepts: Any
) -> None:
    assert plugin("https://policy.example.org", credentials=credentials).accepts == accepts


def test_whoever_was_built_and_never_asked_can_be_stopped(plugin: Any, run: Any) -> None:
    assert run(plugin("https://policy.example.org").stopping()) is None


def test_a_long_push_is_asked_about_whole_and_whoever_asks_meanwhile_does_not_wait(
    service: Any, plugin: Any, pause: Any, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gitgate_webhook.exchange")
    policy = plugin(service.url(tag, **saying(decision="deny", reason="no")), signing_secrets=(Secret(SECRET),))
    refs = [f"refs/heads/{number}" for number in range(5001)]
    updates = tuple(RefUpdate(ref=ref, old="0" * 40, new="1" * 40, change=RefChange.CREATE) for ref in refs)
    answers: list[Any] = []
    for push in (a_push(updates=updates), a_push(updates=updates[:1])):
        Deferred.fromCoroutine(policy.authorize(an_identity(), push, a_repository())).addBoth(answers.append)
    pause(lambda: len(answers) == 2)
    assert answers == [Deny("no"), Deny("no")]
    short, long = (message for message in caplog.messages if " POST " in message)
    assert '"updates": [{' in short
    assert '"updates": [...]' in long
    received = max(service.received(tag), key=lambda each: len(each["body"]))
    assert [update["ref"] for update in json.loads(received["body"])["request"]["updates"]] == refs
    Webhook(SECRET).verify(received["body"], received["headers"])
