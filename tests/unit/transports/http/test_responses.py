"""How refusals are told over http."""

from http import HTTPStatus

import pytest

from gitgate import refusals
from gitgate.plugin import Password
from gitgate.refusals import Refusal
from gitgate.transports.http import responses


def every_refusal(base: type[Refusal] = Refusal) -> list[type[Refusal]]:
    return [each for kind in base.__subclasses__() for each in (kind, *every_refusal(kind))]


def told(refusal: Refusal) -> responses.Response:
    return responses.for_refusal(refusal, frozenset({Password}))


@pytest.mark.parametrize("kind", every_refusal())
def test_every_refusal_has_an_answer(kind):
    arguments = {"request_id": "1f"} if kind is refusals.Unavailable else {}
    response = told(kind("for the log only", **arguments))
    assert 400 <= response.status < 600
    assert b"for the log only" not in response.raw()


@pytest.mark.parametrize(
    ("refusal", "status", "body"),
    [
        (refusals.CredentialsRequired("x"), 401, b"authentication required, use ssh or https\n"),
        (refusals.CredentialsRefused("x"), 401, b"login failed\n"),
        (refusals.RepositoryNotFound("x"), 404, b"repository not found\n"),
        (refusals.RepositoryHidden("x"), 404, b"repository not found\n"),
        (refusals.AccessDenied("x", message="Nur für Maintainer."), 403, "Nur für Maintainer.\n".encode()),
        (refusals.MalformedRequest("x", message="why"), 400, b"why\n"),
        (refusals.Overloaded("x"), 503, b"too busy, try again later\n"),
        (refusals.Unavailable("x", request_id="1f"), 503, b"temporarily unavailable (id 1f)\n"),
    ],
)
def test_the_table_of_the_design(refusal, status, body):
    response = told(refusal)
    headers = dict(response.headers)
    assert (response.status, response.body) == (HTTPStatus(status), body)
    assert (b"WWW-Authenticate" in headers) is (status == 401)
    assert headers.get(b"Retry-After") == (b"10" if status == 503 else None)
    assert headers[b"Content-Length"] == b"%d" % len(body)


def test_missing_and_hidden_are_the_same_to_the_byte():
    """1. The attacker asks for likely names. 2. An answer that differs in one byte tells which of them exist."""
    missing, hidden = told(refusals.RepositoryNotFound("x")), told(refusals.RepositoryHidden("y"))
    assert missing.body == hidden.body
    assert [h for h in missing.headers if h[0] != b"Date"] == [h for h in hidden.headers if h[0] != b"Date"]
