from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitgate.transports.ssh.packets import PacketReader, PacketWriter
from gitgate.transports.ssh.protection import CIPHERS, MACS, protection
from gitgate.wire.malformed import Malformed

SECRETS = {"nonce": b"n" * 64, "key": b"k" * 64, "mac_key": b"m" * 64}


def plain(length: int, padding: int, rest: int) -> bytes:
    return pack(">LB", length, padding) + bytes(rest)


def everything(reader: PacketReader) -> list[tuple[int, bytes]]:
    found = []
    while (packet := reader.next()) is not None:
        found.append(packet)
    return found


@given(
    messages=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=100)), max_size=20),
    cuts=st.lists(st.integers(1, 60), max_size=60),
    is_sealed=st.booleans(),
)
def test_however_the_network_cuts_it_the_messages_are_the_same(
    messages: list[tuple[int, bytes]], cuts: list[int], is_sealed: bool
) -> None:
    writer, reader = PacketWriter(), PacketReader(35_000)
    if is_sealed:
        writer.use(protection(CIPHERS[0], MACS[0], **SECRETS, seals=True), counting_anew=True)
        reader.use(protection(CIPHERS[0], MACS[0], **SECRETS, seals=False), counting_anew=True)
    stream = b"".join(writer.packet(*message) for message in messages)

    found = []
    for cut in [*cuts, len(stream)]:
        reader.feed(stream[:cut])
        stream = stream[cut:]
        found += everything(reader)

    assert found == messages
    assert reader.bytes_taken == reader.bytes_under_key == writer.bytes_under_key


@given(data=st.binary(max_size=300), most=st.integers(1, 100), cipher=st.sampled_from([None, *CIPHERS]))
def test_a_stream_is_cut_into_packets_with_all_of_it(data: bytes, most: int, cipher: bytes | None) -> None:
    writer, reader = PacketWriter(), PacketReader(35_000)
    if cipher is not None:
        writer.use(protection(cipher, MACS[0], **SECRETS, seals=True), counting_anew=False)
        reader.use(protection(cipher, MACS[0], **SECRETS, seals=False), counting_anew=False)

    reader.feed(bytes(writer.stream(b"\x5e\0\0\0\7", data, most)) + writer.packet(97, b"last"))

    pieces = [data[begin : begin + most] for begin in range(0, len(data), most)]
    expected = [(94, b"\0\0\0\7" + pack(">L", len(piece)) + piece) for piece in pieces]
    assert everything(reader) == [*expected, (97, b"last")]
    assert writer.bytes_under_key == reader.bytes_under_key


def test_what_was_taken_is_not_kept() -> None:
    """A thousand connections that have sent something, and now wait."""
    reader = PacketReader(35_000)
    packet = PacketWriter().packet(94, b"x" * 1000)
    reader.feed(packet * 10 + packet[:20])

    assert len(everything(reader)) == 10
    assert reader._received == packet[:20]


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_wait_mean_something_or_be_malformed(data: bytes) -> None:
    reader = PacketReader(1000)
    reader.feed(data)
    try:
        everything(reader)
    except Malformed:
        pass


@pytest.mark.parametrize("length", [0, 1, 4, 11, 13, 1004, 2**31, 2**32 - 1])
def test_a_length_that_no_packet_has_is_refused_at_once(length: int) -> None:
    """Four bytes announce 4 GiB: nothing more is waited for."""
    reader = PacketReader(1000)
    reader.feed(pack(">L", length))

    with pytest.raises(Malformed):
        reader.next()


@pytest.mark.parametrize("padding", [0, 3, 11, 12, 255])
def test_padding_that_leaves_no_message_is_refused(padding: int) -> None:
    """The payload's length is what the padding leaves: less than nothing, if nobody looks."""
    reader = PacketReader(1000)
    reader.feed(plain(12, padding, 11))

    with pytest.raises(Malformed, match="of padding"):
        reader.next()


def test_sequence_numbers_wrap() -> None:
    """conch counts on, and fails after 2**32 packets with a struct.error."""
    writer, reader = PacketWriter(), PacketReader(1000)
    writer._sequence = reader._sequence = 2**32 - 1
    reader.feed(writer.packet(2, b"a") + writer.packet(2, b"b"))

    assert everything(reader) == [(2, b"a"), (2, b"b")]
    assert reader.last_sequence == 0
