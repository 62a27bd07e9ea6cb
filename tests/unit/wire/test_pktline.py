import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import FLUSH, LONGEST_PAYLOAD, encode, encode_error, payload_length


@given(st.binary(max_size=LONGEST_PAYLOAD))
def test_what_is_encoded_says_its_own_length(payload: bytes) -> None:
    line = encode(payload)
    assert payload_length(line[:4]) == len(payload) == len(line) - 4


def test_a_payload_that_does_not_fit_is_not_cut() -> None:
    with pytest.raises(ValueError, match="at most 65516 bytes"):
        encode(b"x" * (LONGEST_PAYLOAD + 1))


def test_an_error_is_a_packet_of_its_own() -> None:
    assert encode_error("repository not found") == b"001cERR repository not found"


def test_an_error_that_is_too_long_for_a_packet_is_cut() -> None:
    """The message comes from a plugin; a client that got none would wait for ever."""
    assert payload_length(encode_error("x" * 100_000)[:4]) == LONGEST_PAYLOAD


@pytest.mark.parametrize("special", [FLUSH, b"0001", b"0002"])
def test_special_packets_have_no_payload(special: bytes) -> None:
    assert payload_length(special) is None


@pytest.mark.parametrize(
    "header", [b"", b"000", b"zzzz", b"0003", b"-001", b"+010", b" 010", b"1_00", b"0x10", b"fff1", b"ffff"]
)
def test_anything_else_is_no_packet(header: bytes) -> None:
    with pytest.raises(NotGit):
        payload_length(header)
