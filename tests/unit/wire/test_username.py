import pytest

from gitgate.wire.malformed import Malformed
from gitgate.wire.username import parse_username


@pytest.mark.parametrize("name", ["alice", "Zoë", "a b", "x" * 255, "bob@example.org"])
def test_a_user_name(name: str) -> None:
    assert parse_username(name.encode()) == name


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"a\0b", b"a\nb", b"\x1b[2J", "a\u2028b".encode(), "a\x85b".encode(), b"x" * 256]
)
def test_a_user_name_that_no_log_should_hold_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed, match="the user name"):
        parse_username(raw)
