"""Signatures, against the specification's own example and its library."""

import base64
import json
import time
from typing import Any

import pytest
from gitgate_webhook.signature import signature_headers, signing_key

from gitgate.plugin import Secret
from gitgate.testing import a_fetch, a_repository, an_identity

#: From the specification's repository.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_the_example_of_the_specification() -> None:
    headers = signature_headers(
        [signing_key(Secret(SECRET))], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_without_a_secret_there_is_no_signature() -> None:
    assert signature_headers([], "msg_1", 5, b"") == {"webhook-id": "msg_1", "webhook-timestamp": "5"}


@pytest.mark.parametrize("known", [SECRET, OTHER], ids=["the old secret", "the new secret"])
def test_while_secrets_are_rotated_a_service_that_knows_either_is_content(
    service: Any, plugin: Any, run: Any, tag: str, known: str
) -> None:
    library = pytest.importorskip("standardwebhooks", reason="needs standardwebhooks")
    asking = plugin(service.url(tag), signing_secrets=(Secret(OTHER), Secret(SECRET)))

    run(asking.authorize(an_identity("ü"), a_fetch(), a_repository()))

    (received,) = service.received(tag)
    assert library.Webhook(known).verify(received["body"], received["headers"])["identity"]["name"] == "ü"
    assert abs(int(received["headers"]["Webhook-Timestamp"]) - time.time()) < 60


def test_each_message_has_an_id_of_its_own(service: Any, plugin: Any, run: Any, tag: str) -> None:
    """One request asks several questions. A service that drops what it has seen must not drop the second."""
    asking = plugin(service.url(tag))
    for _ in range(2):
        run(asking.authorize(an_identity(), a_fetch(request_id="r1"), a_repository()))
    received = service.received(tag)
    assert [json.loads(each["body"])["id"] for each in received] == ["r1", "r1"]
    assert len({each["headers"]["Webhook-Id"] for each in received}) == 2


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_"),
        ("whsec_???", "is not base64 behind whsec_"),
        ("whsec_MfKQ9r8GKYqr wjUPD8ILPZIo2LaLaSw", "is not base64 behind whsec_"),
        ("whsec_c2hvcnQ=", "is 5 bytes long behind whsec_; make it 24 to 64"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "is 65 bytes long behind whsec_; make it 24 to 64"),
    ],
)
def test_what_is_no_secret_is_told_without_being_shown(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        signing_key(Secret(secret))
    assert str(raised.value).startswith(why)
    assert secret.removeprefix("whsec_") not in str(raised.value)
