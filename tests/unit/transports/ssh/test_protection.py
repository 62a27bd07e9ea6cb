"""How packets are protected. That it is done as others do it, tests/journeys/test_ssh_algorithms.py shows."""

from typing import Any

import pytest

from gitgate.transports.ssh.packets import PacketReader, PacketWriter
from gitgate.transports.ssh.protection import CIPHERS, MACS, WrongTag, protection

SECRETS = {"nonce": b"n" * 64, "key": b"k" * 64, "mac_key": b"m" * 64}
PAIRS = [(cipher, mac) for cipher in CIPHERS for mac in (MACS if b"ctr" in cipher else MACS[:1])]

Ends = tuple[PacketWriter, PacketReader]


@pytest.fixture(params=PAIRS, ids=lambda pair: "+".join(name.decode().partition("@")[0] for name in pair))
def ends(request: Any) -> Ends:
    """Both ends of one direction, with these keys in use."""
    writer, reader = PacketWriter(), PacketReader(35_000)
    writer.use(protection(*request.param, **SECRETS, seals=True), counting_anew=False)
    reader.use(protection(*request.param, **SECRETS, seals=False), counting_anew=False)
    return writer, reader


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 12, 100, 32_768])
def test_what_is_sealed_can_be_opened(ends: Ends, size: int) -> None:
    writer, reader = ends
    for number in range(3):
        packet = writer.packet(94, bytes([number]) * size)
        assert b"\0" * 9 not in packet

        reader.feed(packet)

        assert reader.next() == (94, bytes([number]) * size)


def test_a_packet_tells_nothing_but_its_padded_length(ends: Ends) -> None:
    writer, _ = ends

    lengths = {(len(packet), packet[:4]) for packet in (writer.packet(94, b"x" * size) for size in range(11))}

    assert len(lengths) == 1


@pytest.mark.parametrize("place", [4, 5, 20, -33, -16, -1])
def test_a_packet_that_was_changed_on_its_way_is_not_decrypted(ends: Ends, place: int) -> None:
    """An attacker in the middle flips bits and learns from what the server makes of them (CVE-2008-5161, Lucky 13):
    here nothing is made of them, because the tag is compared first."""
    writer, reader = ends
    packet = bytearray(writer.packet(94, b"sixteen letters." * 4))
    packet[place] ^= 0x80
    reader.feed(bytes(packet))

    with pytest.raises(WrongTag):
        reader.next()


def test_the_length_cannot_be_changed(ends: Ends) -> None:
    """The length is in the clear: made smaller by an attacker, it would put the tag in another place."""
    writer, reader = ends
    packet = bytearray(writer.packet(94, b"x" * 100))
    packet[3] -= 16
    reader.feed(bytes(packet))

    with pytest.raises(WrongTag):
        reader.next()


@pytest.mark.parametrize("order", [(1,), (0, 0), (0, 2)], ids=["left out", "repeated", "left out in the middle"])
def test_packets_cannot_be_left_out_repeated_or_put_in_another_order(ends: Ends, order: tuple[int, ...]) -> None:
    writer, reader = ends
    packets = [writer.packet(94, bytes([number])) for number in range(3)]
    for number in order:
        reader.feed(packets[number])

    with pytest.raises(WrongTag):
        [reader.next() for _ in order]


def test_who_has_another_key_cannot_write(ends: Ends) -> None:
    _, reader = ends
    writer = PacketWriter()
    writer.use(protection(CIPHERS[0], MACS[0], **{**SECRETS, "key": b"?" * 64}, seals=True), counting_anew=False)
    reader.feed(writer.packet(94, b"x" * 100) + bytes(64))

    with pytest.raises(WrongTag):
        reader.next()


def test_the_numbers_begin_anew_with_new_keys_where_both_sides_are_strict() -> None:
    writer, reader = PacketWriter(), PacketReader(35_000)
    for _ in range(3):
        writer.packet(2, b"lost")
    for end, seals in ((writer, True), (reader, False)):
        end.use(protection(b"aes128-ctr", MACS[0], **SECRETS, seals=seals), counting_anew=True)

    reader.feed(writer.packet(94, b"first"))

    assert (reader.next(), reader.last_sequence) == ((94, b"first"), 0)
