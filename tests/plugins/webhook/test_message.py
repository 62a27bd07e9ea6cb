"""What is sent, compared whole, and judged by its schema."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from gitgate_webhook.message import (
    MOST_UPDATES_IN_RECORD,
    UPDATES_AT_ONCE,
    Message,
    about_identity,
    about_login,
    about_path,
    about_record,
    about_request,
    compact,
    written_updates,
)

from gitgate.plugin import (
    ANONYMOUS,
    Access,
    AuditRecord,
    BearerToken,
    Identity,
    Password,
    PublicKey,
    RefChange,
    RefUpdate,
    Service,
    Transport,
    Verdict,
)
from gitgate.testing import a_fetch, a_peer, a_push, a_repository, an_identity

TIME = datetime(2026, 11, 23, 19, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
SECRET = "s3cret-of-alice"
KEY = PublicKey(username="git", algorithm="ssh-ed25519", blob=b"\0\0\0\x0bblob", fingerprint="SHA256:x", verified=True)
UPDATE = RefUpdate(ref="refs/heads/ü", old="0" * 40, new="1" * 40, change=RefChange.CREATE)
RECORD = AuditRecord(
    time=TIME,
    request_id="r1",
    peer=a_peer(),
    verdict=Verdict.DENIED,
    reason="frozen",
    duration_seconds=0.1234567,
    identity=an_identity("alice", "devs"),
    method="publickey",
    authenticated_by="keys",
    fingerprint="SHA256:x",
    path="/team/app",
    repository="team/app",
    service=Service.RECEIVE_PACK,
    protocol=2,
    plugin="policy",
    updates=(UPDATE,),
)


def sent(message: Message) -> Any:
    return json.loads(compact(message.as_json(message_id="msg_1", time=TIME)))


def test_a_question_about_a_push_whole() -> None:
    identity = Identity(name="alice", groups=frozenset({"staff", "devs"}), attributes={"mail": "a@b.example"})
    request = a_push("/team/app", updates=(UPDATE,), username="git", request_id="2c7f2e7dbf")
    repository = a_repository("team/app", environment={"TOKEN": SECRET})

    assert sent(about_request(identity, request, repository)) == {
        "version": 1,
        "hook": "authorize",
        "id": "2c7f2e7dbf",
        "time": "2026-11-23T18:00:00.123Z",
        "connection": {"transport": "ssh", "address": "192.0.2.7", "port": 51822, "encrypted": True},
        "identity": {"name": "alice", "groups": ["devs", "staff"], "attributes": {"mail": "a@b.example"}},
        "request": {
            "service": "git-receive-pack",
            "access": "write",
            "path": "/team/app",
            "protocol": 2,
            "host": "git.example.org",
            "username": "git",
            "updates": [{"ref": "refs/heads/ü", "old": "0" * 40, "new": "1" * 40, "change": "create"}],
        },
        "repository": {
            "name": "team/app",
            "directory": "/srv/git/team/app.git",
            "exists": True,
            "moved_to": None,
        },
    }


def test_a_question_about_a_login_whole() -> None:
    local = a_peer(Transport.HTTP, address="", port=0)
    assert sent(about_login(Password(username="alice", password=SECRET), local)) == {
        "version": 1,
        "hook": "authenticate",
        "id": "msg_1",
        "time": "2026-11-23T18:00:00.123Z",
        "connection": {"transport": "http", "address": None, "port": None, "encrypted": False},
        "credentials": {"method": "password", "username": "alice", "password": SECRET},
    }


def test_a_key_and_a_token() -> None:
    assert [sent(about_login(it, a_peer()))["credentials"] for it in (KEY, BearerToken(token="t"))] == [
        {
            "method": "publickey",
            "username": "git",
            "algorithm": "ssh-ed25519",
            "blob": "AAAAC2Jsb2I=",
            "fingerprint": "SHA256:x",
            "verified": True,
        },
        {"method": "bearer", "token": "t"},
    ]


QUESTIONS = [
    *(about_login(it, a_peer()) for it in (Password(username="", password=""), KEY, BearerToken(token=""))),
    *(
        about_identity(identity, a_peer(transport))
        for identity in (an_identity(), ANONYMOUS)
        for transport in Transport
    ),
    about_path(ANONYMOUS, a_fetch("/", host=None)),
    *(about_request(an_identity(), a_push(access=access), a_repository(moved_to="/x")) for access in Access),
    *(
        about_request(an_identity(), a_push(updates=(replace(UPDATE, change=change),)), a_repository(exists=False))
        for change in RefChange
    ),
    *(about_request(an_identity(), a_fetch(service=service), a_repository()) for service in Service),
]


def test_each_question_is_what_the_schema_says(validator: Any) -> None:
    errors = [list(validator("question.schema.json").iter_errors(sent(question))) for question in QUESTIONS]
    assert errors == [[] for _ in QUESTIONS]


def test_the_schema_has_each_word_that_gitgate_knows_and_no_other(validator: Any) -> None:
    definitions = validator("question.schema.json").schema["$defs"]
    words = {
        Transport: definitions["connection"]["properties"]["transport"]["enum"],
        Service: definitions["request"]["properties"]["service"]["enum"],
        Access: definitions["request"]["properties"]["access"]["enum"],
        RefChange: definitions["update"]["properties"]["change"]["enum"],
        Verdict: validator("audited.schema.json").schema["properties"]["record"]["properties"]["verdict"]["enum"],
    }
    assert words == {kind: [member.value for member in kind] for kind in words}


def test_the_schema_knows_each_field_that_is_sent(validator: Any) -> None:
    """Or else an author of a service would not be told of it."""
    schema = validator("question.schema.json").schema
    whole = sent(about_request(an_identity(), a_push(updates=(UPDATE,)), a_repository()))
    assert set(whole) | {"credentials"} == set(schema["properties"])
    for name in ("connection", "identity", "request", "repository"):
        assert set(whole[name]) == set(schema["$defs"][name]["properties"]), name
    assert set(whole["request"]["updates"][0]) == set(schema["$defs"]["update"]["properties"])
    record = validator("audited.schema.json").schema["properties"]["record"]
    assert set(sent(about_record(RECORD))["record"]) == set(record["properties"]) == set(record["required"])


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        AuditRecord(time=TIME, request_id="r", peer=a_peer(), verdict=Verdict.FAILED, reason="", duration_seconds=0.0),
        *(replace(RECORD, verdict=verdict, exit_code=-9) for verdict in Verdict),
    ],
)
def test_each_record_is_what_its_schema_says(validator: Any, record: AuditRecord) -> None:
    assert list(validator("audited.schema.json").iter_errors(sent(about_record(record)))) == []


def test_a_record_of_a_large_push_has_a_thousand_refs_and_their_number() -> None:
    record = sent(about_record(replace(RECORD, updates=(UPDATE,) * (MOST_UPDATES_IN_RECORD + 1))))["record"]
    assert (len(record["updates"]), record["updates_total"]) == (1000, 1001)


def test_a_secret_is_in_authenticate_alone_and_shown_nowhere() -> None:
    """Attack: read gitgate's log, or what another hook sends, for the passwords of users and the secrets of hooks."""
    repository = a_repository(environment={"TOKEN": SECRET})
    others = [
        about_identity(an_identity(), a_peer()),
        about_path(an_identity(), a_fetch()),
        about_request(an_identity(), a_fetch(), repository),
        about_record(RECORD),
    ]
    assert SECRET.encode() not in b"".join(compact(message.content) for message in others)
    for credentials in (Password(username="alice", password=SECRET), BearerToken(token=SECRET)):
        message = about_login(credentials, a_peer())
        assert SECRET in json.dumps(sent(message))
        assert SECRET not in json.dumps(sent(message.without_secrets()))


def test_the_same_question_from_another_port_is_the_same() -> None:
    login = Password(username="alice", password="x")
    questions = {about_login(login, a_peer(port=port)).question() for port in (1, 2)}
    assert len(questions) == 1


DIFFERENT = [
    ("another password", about_login(Password(username="alice", password="y"), a_peer())),
    ("another user", about_login(Password(username="bob", password="x"), a_peer())),
    ("another address", about_login(Password(username="alice", password="x"), a_peer(address="192.0.2.8"))),
    ("another transport", about_login(Password(username="alice", password="x"), a_peer(Transport.HTTPS))),
    ("a key", about_login(KEY, a_peer())),
    ("a key that was only asked about", about_login(replace(KEY, verified=False), a_peer())),
    ("another hook", about_identity(an_identity(), a_peer())),
    ("groups", about_identity(an_identity("alice", "devs"), a_peer())),
    ("a path", about_path(an_identity(), a_fetch())),
    ("another path", about_path(an_identity(), a_fetch("/x"))),
    ("another host", about_path(an_identity(), a_fetch(host="x"))),
    ("a repository", about_request(an_identity(), a_fetch(), a_repository())),
    ("another name of it", about_request(an_identity(), a_fetch(), a_repository("x"))),
    ("a push", about_request(an_identity(), a_push(), a_repository())),
    ("a push of a ref", about_request(an_identity(), a_push(updates=(UPDATE,)), a_repository())),
    (
        "a push of other objects",
        about_request(an_identity(), a_push(updates=(replace(UPDATE, new="2" * 40),)), a_repository()),
    ),
]


def test_an_answer_for_one_client_is_given_to_no_other() -> None:
    """Attack: have a service that decides by address, group or ref answer somebody who may, and ask the same soon.

    Every message here differs from each other in something that a service may decide by, and so in its question.
    """
    asked = about_login(Password(username="alice", password="x"), a_peer()).question()
    questions = [asked, *(message.question() for _, message in DIFFERENT)]
    assert len(set(questions)) == len(questions)


def test_what_has_no_encoding_is_not_asked_about() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        about_path(an_identity("\ud800"), a_fetch()).question()


def test_times_are_utc() -> None:
    assert sent(QUESTIONS[0])["time"] == "2026-11-23T18:00:00.123Z"
    assert about_record(replace(RECORD, time=datetime(2026, 1, 1, tzinfo=UTC))).content["record"]["began"] == (
        "2026-01-01T00:00:00.000Z"
    )


def test_the_updates_of_a_long_push_are_written_in_parts_as_if_they_were_written_at_once() -> None:
    """Also where somebody is called like what they stand in the place of."""
    identity = Identity(name='"updates":[]', attributes={"updates": "[]", '"updates":[]': "x"})
    updates = tuple(replace(UPDATE, ref=f"refs/heads/{number}") for number in range(2 * UPDATES_AT_ONCE + 1))
    at_once = about_request(identity, a_push(updates=updates), a_repository())
    in_parts = replace(about_request(identity, a_push(), a_repository()), updates=tuple(written_updates(updates)))
    assert len(in_parts.updates) > 2
    assert in_parts.question() == at_once.question()
    body = in_parts.completed(compact(in_parts.as_json(message_id="msg_1", time=TIME)))
    assert body == compact(at_once.as_json(message_id="msg_1", time=TIME))
