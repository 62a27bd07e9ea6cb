"""Packets (RFC 4253 section 6): messages in and bytes out for the client, bytes in and messages out from it.

    uint32 packet_length, byte padding_length, payload, padding, tag

conch has this for ciphers that need a packet's first block decrypted to know its length. It also keeps what has come as
one string that it copies for every packet.
"""

import os
from typing import Final, NamedTuple

from gitgate.transports.ssh.protection import Protection, Unprotected
from gitgate.wire.malformed import Malformed

_LEAST_PADDING: Final = 4
_SEQUENCE: Final = 2**32 - 1


class _Shape(NamedTuple):
    """How long the parts of a packet are: its padding, what is encrypted, and all of it."""

    padding: int
    padded: int
    whole: int


#: Where streams become packets, for all connections: to get memory for each, and give it back, would take as long as to
#: encrypt it.
_room = bytearray()


def _room_for(size: int) -> memoryview:
    global _room
    if len(_room) < size:
        _room = bytearray(size)
    return memoryview(_room)


class PacketWriter:
    """Makes packets. `bytes_under_key` counts what was made with the keys that are in use."""

    def __init__(self) -> None:
        self.bytes_under_key = 0
        self._protection: Protection = Unprotected()
        self._sequence = 0

    def packet(self, message: int, payload: bytes) -> bytes:
        """The packet for the next message."""
        shape = self._shape(1 + len(payload))
        made = bytearray(shape.whole)
        self._make(shape, (bytes((message,)), payload, os.urandom(shape.padding)), memoryview(made))
        return bytes(made)

    def stream(self, head: bytes, data: bytes, most: int) -> memoryview:
        """The packets that carry `data`, at most `most` bytes each, behind `head` and their length (RFC 4254 section
        5.2). They have to be sent, or copied, before any connection makes a stream again.
        """
        count, rest = divmod(len(data), most)
        shapes = [(most, self._shape(len(head) + 4 + most))] * count
        if rest:
            shapes.append((rest, self._shape(len(head) + 4 + rest)))
        room = _room_for(sum(shape.whole for _, shape in shapes))
        random = os.urandom(sum(shape.padding for _, shape in shapes))
        view = memoryview(data)
        taken = padded = made = 0
        for length, shape in shapes:
            piece, padding = view[taken : taken + length], random[padded : padded + shape.padding]
            payload = (head, length.to_bytes(4, "big"), piece, padding)
            self._make(shape, payload, room[made : made + shape.whole])
            taken, padded, made = taken + length, padded + shape.padding, made + shape.whole
        return room[:made]

    def _shape(self, length: int) -> _Shape:
        protection = self._protection
        padding = -(length + (5 if protection.pads_length else 1)) % protection.block
        if padding < _LEAST_PADDING:
            padding += protection.block
        padded = 1 + length + padding
        return _Shape(padding, padded, 4 + padded + protection.tag)

    def _make(self, shape: _Shape, payload: tuple[bytes | memoryview, ...], into: memoryview) -> None:
        """The packet of a payload with its padding behind it."""
        body = b"".join((bytes((shape.padding,)), *payload))
        self._protection.seal(self._sequence, shape.padded.to_bytes(4, "big"), body, into)
        self._sequence = (self._sequence + 1) & _SEQUENCE
        self.bytes_under_key += shape.whole

    def use(self, protection: Protection, *, counting_anew: bool) -> None:
        """New keys, from the next packet on. `counting_anew` starts its sequence number at 0 (strict key exchange)."""
        self._protection = protection
        self.bytes_under_key = 0
        if counting_anew:
            self._sequence = 0


class PacketReader:
    """Finds packets in what comes, and opens them. Keeps what has come of one packet, besides what is being read.

    `bytes_taken` counts all packets, `bytes_under_key` those with the keys that are in use.
    """

    def __init__(self, longest: int) -> None:
        """`longest` is the largest `packet_length` that is taken."""
        self.bytes_taken = 0
        self.bytes_under_key = 0
        self._sequence = 0
        self._longest = longest
        self._protection: Protection = Unprotected()
        self._received = b""
        self._position = 0

    @property
    def last_sequence(self) -> int:
        """The sequence number of the packet that was taken last."""
        return (self._sequence - 1) & _SEQUENCE

    def feed(self, data: bytes) -> None:
        """This came, behind what has come before."""
        self._received = b"".join((self._received[self._position :], data))
        self._position = 0

    def next(self) -> tuple[int, bytes] | None:
        """The next message and its payload, or None where not all of it is here.

        Raises `Malformed` as soon as the length is known not to be one, and where the packet is not what was sent.
        """
        protection, received, start = self._protection, self._received, self._position
        if len(received) < start + 4:
            self._keep_the_rest()
            return None
        header = received[start : start + 4]
        length = int.from_bytes(header, "big")
        if length > self._longest:
            raise Malformed(f"a packet of {length} bytes, where {self._longest} are allowed")
        if (length + 4 * protection.pads_length) % protection.block or length < 2 + _LEAST_PADDING:
            raise Malformed(f"no packet has {length} bytes")
        end = start + 4 + length + protection.tag
        if len(received) < end:
            self._keep_the_rest()
            return None
        body = protection.open(self._sequence, header, memoryview(received)[start + 4 : end])
        self._position = end
        self._sequence = (self._sequence + 1) & _SEQUENCE
        self.bytes_taken += end - start
        self.bytes_under_key += end - start
        padding = body[0]
        if padding < _LEAST_PADDING or padding > length - 2:
            raise Malformed(f"a packet of {length} bytes with {padding} of padding")
        return body[1], body[2 : length - padding]

    def use(self, protection: Protection, *, counting_anew: bool) -> None:
        """New keys, from the next packet on. `counting_anew` starts its sequence number at 0 (strict key exchange)."""
        self._protection = protection
        self.bytes_under_key = 0
        if counting_anew:
            self._sequence = 0

    def _keep_the_rest(self) -> None:
        self._received = self._received[self._position :]
        self._position = 0
