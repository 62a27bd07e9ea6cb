import pytest

from gitgate.wire.notice import Notice
from gitgate.wire.pktline import FLUSH, encode

NOTICE = encode(b"\2moved\n")


def spoken(*pieces: bytes) -> bytes:
    notice = Notice("moved")
    return b"".join(notice.put_into(piece) for piece in pieces) + notice.rest()


SIDE_BAND = [
    encode(b"\2Enumerating objects: 3, done.\n"),
    encode(b"\1PACK...."),
    encode(b"\1unpack ok\n"),
]


@pytest.mark.parametrize("first", SIDE_BAND)
@pytest.mark.parametrize(
    "before",
    [
        b"",
        encode(b"NAK\n"),
        encode(b"0" * 40 + b" HEAD\0caps") + FLUSH + encode(b"ACK " + b"1" * 40 + b"\n"),
        encode(b"version 2\n") + FLUSH + encode(b"acknowledgments\n") + b"0001" + encode(b"packfile\n"),
    ],
)
def test_the_notice_stands_before_the_first_packet_of_the_side_band(before: bytes, first: bytes) -> None:
    more = encode(b"\1more") + FLUSH
    whole = before + first + more
    expected = before + NOTICE + first + more
    assert spoken(whole) == expected
    assert spoken(*(whole[i : i + 1] for i in range(len(whole)))) == expected


def test_what_a_client_waits_for_is_not_kept_back() -> None:
    """The flush at the end of what git has to offer is four bytes, and the client says nothing before it has them."""
    assert Notice("moved").put_into(encode(b"version 2\n") + FLUSH) == encode(b"version 2\n") + FLUSH
    assert Notice("moved").put_into(encode(b"NAK\n")) == encode(b"NAK\n")


@pytest.mark.parametrize(
    "words",
    [
        b"",
        FLUSH,
        encode(b"NAK\n") + b"PACK\0\0\0\2" + b"\2" * 100,
        encode(b"0" * 40 + b" HEAD\0caps") + FLUSH,
        encode(b"ERR no\n"),
        b"0008NA",
        b"00",
    ],
)
def test_where_there_is_no_side_band_git_is_not_changed(words: bytes) -> None:
    assert spoken(words) == words
    assert spoken(*(words[i : i + 1] for i in range(len(words)))) == words
