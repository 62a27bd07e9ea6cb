"""docs/examples/policy_service.py: what others start from has to be right."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from gitgate_webhook.message import Message, about_identity, about_login, about_path, about_request
from gitgate_webhook.signature import signature_headers, signing_key

from gitgate.plugin import ANONYMOUS, BearerToken, Password, PublicKey, Secret
from gitgate.testing import a_fetch, a_peer, a_push, a_repository, an_identity

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEY = PublicKey(username="git", algorithm="ssh-ed25519", blob=b"b", fingerprint="SHA256:x", verified=True)

Post = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def url(example_service: Callable[..., str]) -> str:
    return example_service(GITGATE_SECRET=SECRET)


@pytest.fixture
def post(url: str) -> Post:
    """Sends a body with these headers; the status and what the reply holds."""

    def send(body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        asking = urllib.request.Request(url, body, {"content-type": "application/json", **headers})
        try:
            with urllib.request.urlopen(asking, timeout=30) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return send


def body_of(message: Message) -> bytes:
    return json.dumps(message.as_json(message_id="msg_1", time=datetime.now(UTC))).encode()


def signed(body: bytes, *secrets: str, age: int = 0) -> dict[str, str]:
    keys = [signing_key(Secret(secret)) for secret in secrets]
    return signature_headers(keys, "msg_1", int(time.time()) - age, body)


@pytest.mark.parametrize(
    "question",
    [
        about_login(Password(username="alice", password="correct horse battery"), a_peer()),
        about_login(Password(username="alice", password="ü"), a_peer()),
        about_login(Password(username="nobody", password=""), a_peer()),
        about_login(KEY, a_peer()),
        about_login(BearerToken(token="t"), a_peer()),
        about_identity(an_identity("alice"), a_peer()),
        about_identity(ANONYMOUS, a_peer()),
        about_path(ANONYMOUS, a_fetch("/")),
        about_request(an_identity("alice", "devs"), a_push("/team/app"), a_repository("team/app")),
        Message(hook="of_a_later_version", id=None, content={"connection": {}}),
    ],
    ids=lambda message: message.hook,
)
def test_each_question_has_a_reply_as_the_schema_has_it(post: Post, question: Message, validator: Any) -> None:
    body = body_of(question)
    status, reply = post(body, signed(body, SECRET))
    assert (status, list(validator("reply.schema.json").iter_errors(reply))) == (200, [])


def test_while_secrets_are_rotated_one_good_signature_is_enough(post: Post) -> None:
    body = body_of(about_identity(an_identity("alice"), a_peer()))
    assert post(body, signed(body, OTHER, SECRET))[0] == 200


def test_a_message_that_is_not_gitgates_or_not_new_gets_no_answer(post: Post) -> None:
    """Attack: ask the service whether guessed passwords are right, or send again what was sent once."""
    body = body_of(about_login(Password(username="alice", password="correct horse battery"), a_peer()))
    refused = {
        "unsigned": post(body, {}),
        "another secret": post(body, signed(body, OTHER)),
        "another body": post(body, signed(body + b" ", SECRET)),
        "another id": post(body, signed(body, SECRET) | {"webhook-id": "msg_2"}),
        "old": post(body, signed(body, SECRET, age=301)),
        "from the future": post(body, signed(body, SECRET, age=-301)),
        "no time": post(body, signed(body, SECRET) | {"webhook-timestamp": "now"}),
    }
    answer = (401, {"error": "no signature of this body that is valid now"})
    assert refused == dict.fromkeys(refused, answer)
