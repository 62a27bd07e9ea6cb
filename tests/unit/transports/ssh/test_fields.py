import pytest

from gitgate.transports.ssh.fields import Fields
from gitgate.wire.malformed import Malformed


def test_fields_come_in_order() -> None:
    fields = Fields(b"\0\0\0\x07\x01\0\0\0\x03abc" + b"more")

    assert (fields.uint32(), fields.boolean(), fields.string(), fields.rest()) == (7, True, b"abc", b"more")
    fields.end()


def test_a_string_that_announces_more_than_there_is_is_refused() -> None:
    """An exec request announces 256 bytes and holds "abc": conch's getNS takes "abc", which then ran."""
    with pytest.raises(Malformed, match="ends within a field"):
        Fields(b"\0\0\x01\0abc").string()


@pytest.mark.parametrize("read", [Fields.uint32, Fields.boolean, Fields.string])
def test_an_empty_message_has_no_fields(read) -> None:
    with pytest.raises(Malformed):
        read(Fields(b""))


def test_what_is_left_over_can_be_refused() -> None:
    with pytest.raises(Malformed, match="longer than its fields"):
        Fields(b"x").end()
