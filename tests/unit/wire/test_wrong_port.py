"""Clients that have found the port of another protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.plugin import Transport
from gitgate.wire.wrong_port import wrong_port

BEGINNINGS = {
    Transport.HTTPS: b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    Transport.SSH: b"SSH-2.0-OpenSSH_9.2p1\r\n",
    Transport.GIT: b"0021git-upload-pack /r.git\0host=h\0",
    Transport.HTTP: b"GET /r.git/info/refs?service=git-upload-pack HTTP/1.1\r\n",
}


@pytest.mark.parametrize("here", Transport)
@pytest.mark.parametrize("spoken", Transport)
def test_each_protocol_is_told_from_the_others(spoken: Transport, here: Transport) -> None:
    mistake = wrong_port(BEGINNINGS[spoken], here)
    if spoken is here:
        assert mistake is None
    else:
        assert mistake is not None
        assert f" {here.value}:// port: write {here.value}:// in its URL" in mistake
        assert mistake.endswith(f"the port of {spoken.value}://")


def test_the_words_tell_what_to_do() -> None:
    assert wrong_port(BEGINNINGS[Transport.HTTPS], Transport.HTTP) == (
        "a TLS client on an http:// port: write http:// in its URL, or the port of https://"
    )
    assert wrong_port(BEGINNINGS[Transport.HTTP], Transport.GIT) == (
        "an http client on a git:// port: write git:// in its URL, or the port of http://"
    )


def test_the_length_of_a_request_is_enough() -> None:
    """git writes it first, and often alone."""
    assert wrong_port(b"003c", Transport.HTTP) is not None


@pytest.mark.parametrize(
    "beginning", [b"", b"\x16", b"SSH", b"00", b"GET ", b"get / HTTP/1.1", b"\x03\0\0\x13", b"fff0"]
)
@pytest.mark.parametrize("here", Transport)
def test_what_may_be_anything_is_no_mistake(beginning: bytes, here: Transport) -> None:
    assert wrong_port(beginning, here) is None


@given(st.binary(max_size=40), st.sampled_from(Transport))
def test_nothing_of_the_client_is_in_the_words(beginning: bytes, here: Transport) -> None:
    assert (wrong_port(beginning, here) or "x").isascii()
    assert (wrong_port(beginning, here) or "x").isprintable()
