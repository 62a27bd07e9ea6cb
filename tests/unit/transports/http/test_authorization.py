"""Who an Authorization header says it is."""

import base64
from http import HTTPStatus

import pytest

from gitgate.plugin import BearerToken, Password, PublicKey
from gitgate.transports.http.authorization import challenges, parse_authorization
from gitgate.wire.http_target import Unserved


def basic(text: str | bytes) -> bytes:
    return b"Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (basic("alice:s3cret"), Password(username="alice", password="s3cret")),
        (basic("alice:a:b:"), Password(username="alice", password="a:b:")),
        (basic("alice: "), Password(username="alice", password=" ")),
        (basic("zoë:pässwörd"), Password(username="zoë", password="pässwörd")),
        (b"bAsIc  " + basic("a:b")[6:], Password(username="a", password="b")),
        (b"Bearer abc.def-ghi_~+/==", BearerToken(token="abc.def-ghi_~+/==")),
    ],
)
def test_the_two_schemes_are_understood(header, expected):
    assert parse_authorization(header) == expected


@pytest.mark.parametrize("header", [basic("alice:"), basic("zoë:"), basic(":")])
def test_who_sends_no_password_has_sent_no_credentials(header):
    """What curl makes of the name in a URL, before git has asked for the password; and `curl -u :`."""
    assert parse_authorization(header) is None


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic ",
        b"Basic !!!!",
        b"Basic YTp",
        b"Basic YTpi YTpi",
        b"Basic YT pi",
        basic("no colon"),
        basic(""),
        basic(":password"),
        basic("a\0:"),
        basic(b"\xff:x"),
        basic("a\0:x"),
        basic("a\u2028b:x"),
        basic("a\x85b:x"),
        basic("a" * 256 + ":x"),
        basic("a:x\n"),
        b"Bearer",
        b"Bearer a b",
        b"Bearer a=b",
        b"Bearer \xff",
        b"Negotiate YTpi",
        b"Digest username=a",
        b"YTpi",
    ],
)
def test_a_header_that_is_not_understood_does_not_pass_as_nobody(header):
    """twisted.web's `getUser()` gives b"" for these, which looks like a client that did not log in."""
    with pytest.raises(Unserved) as raised:
        parse_authorization(header)
    assert raised.value.status == HTTPStatus.UNAUTHORIZED


def test_only_schemes_by_which_somebody_can_log_in_are_offered():
    assert challenges(frozenset()) == []
    assert challenges(frozenset({PublicKey})) == []
    assert challenges(frozenset({Password})) == [b'Basic realm="git", charset="UTF-8"']
    assert challenges(frozenset({Password, BearerToken, PublicKey})) == [
        b'Basic realm="git", charset="UTF-8"',
        b'Bearer realm="git"',
    ]
