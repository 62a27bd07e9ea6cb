import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.wire.malformed import NotGit
from gitgate.wire.pktline import FLUSH, encode
from gitgate.wire.protocol_v2 import RequestReader, RequestV2, parse_request

DELIMITER = b"0001"
WANT = encode(b"want " + b"a" * 40 + b"\n")
HAVE = encode(b"have " + b"b" * 40 + b"\n")


def request(*arguments: bytes, command: bytes = b"fetch", about: bytes = b"git/2.39.5") -> bytes:
    head = encode(b"command=" + command) + encode(b"agent=" + about) + encode(b"object-format=sha1")
    return head + DELIMITER + b"".join(arguments) + FLUSH


@given(st.lists(st.binary(max_size=300), max_size=20), st.binary(max_size=50), st.lists(st.integers(1, 40)))
def test_a_request_ends_at_its_flush_however_its_bytes_come(
    packets: list[bytes], rest: bytes, steps: list[int]
) -> None:
    whole = b"".join(map(encode, packets)) + FLUSH
    data, reader, end, position = whole + rest, RequestReader(10**6), None, 0
    for step in (*steps, len(data)):
        part = data[position : position + step]
        end = reader.feed(part)
        if end is not None:
            break
        position += len(part)
    assert end is not None
    assert position + end == len(whole)
    assert reader.taken == whole


def test_delimiters_end_no_request() -> None:
    whole = request(WANT)
    assert RequestReader(10**6).feed(whole[:-4]) is None
    assert RequestReader(10**6).feed(whole) == len(whole)


def test_of_a_long_request_the_start_is_held_and_the_end_is_found() -> None:
    """A client sends wants without end, or one want of 64 KiB after the other: what is held of it stays small."""
    reader = RequestReader(1000)
    head, middle = request()[:-4], encode(b"x" * 600)
    for part in (head, middle, middle, middle):
        assert reader.feed(part) is None
    assert reader.is_too_long
    assert reader.taken == head + middle + middle
    assert reader.feed(FLUSH + b"next") == 4


def test_what_is_no_packet_is_told() -> None:
    reader = RequestReader(1000)
    reader.feed(WANT)
    with pytest.raises(NotGit):
        reader.feed(b"GET / HTTP/1.1\r\n")
    assert reader.taken == WANT


def test_two_clients_that_ask_the_same_ask_with_the_same_essence() -> None:
    ours, theirs = parse_request(request(WANT)), parse_request(request(WANT, about=b"JGit/7.1"))
    assert ours == theirs
    assert b"agent" not in ours.essence
    with_session = request(WANT).replace(encode(b"object-format=sha1"), encode(b"session-id=1-2"))
    assert b"session-id" not in parse_request(with_session).essence


@pytest.mark.parametrize(
    "other",
    [
        request(HAVE),
        request(WANT, WANT),
        request(WANT, command=b"ls-refs"),
        request(WANT, encode(b"agent=x")),
        request(WANT).replace(encode(b"object-format=sha1"), encode(b"object-format=sha256")),
        request(WANT).replace(encode(b"object-format=sha1"), encode(b"server-option=x")),
        request(WANT).replace(DELIMITER, b""),
    ],
)
def test_another_question_has_another_essence(other: bytes) -> None:
    assert parse_request(other).essence != parse_request(request(WANT)).essence


@pytest.mark.parametrize(
    ("arguments", "is_full_clone"),
    [
        ((WANT, encode(b"done")), True),
        ((encode(b"want-ref refs/heads/main"), encode(b"done")), True),
        ((WANT, encode(b"filter blob:none"), encode(b"done")), True),
        ((WANT, HAVE, encode(b"done")), False),
        ((WANT, encode(b"deepen 1"), encode(b"done")), False),
        ((WANT, encode(b"deepen 4999\n"), encode(b"done")), False),
        ((WANT, encode(b"deepen 5000\n"), encode(b"done")), True),
        ((WANT, encode(b"deepen 2147483647"), encode(b"done")), True),
        ((WANT, encode(b"deepen 0x7fffffff"), encode(b"done")), True),
        ((WANT, encode(b"deepen 1"), encode(b"deepen 2147483647"), encode(b"done")), True),
        ((WANT, encode(b"deepen-relative"), encode(b"deepen 2147483647"), encode(b"done")), True),
        ((WANT, HAVE, encode(b"deepen 2147483647"), encode(b"done")), False),
        ((WANT, encode(b"deepen-since 1700000000"), encode(b"done")), False),
        ((HAVE,), False),
    ],
)
def test_a_full_clone_is_told_from_an_incremental_fetch(arguments: tuple[bytes, ...], is_full_clone: bool) -> None:
    assert parse_request(request(*arguments)).is_full_clone is is_full_clone


def test_a_lone_flush_asks_nothing() -> None:
    assert parse_request(FLUSH) == RequestV2(command="", essence=FLUSH, is_full_clone=False)
