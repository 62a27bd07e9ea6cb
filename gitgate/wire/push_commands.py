"""What a push asks for: the command list that goes before the pack (gitprotocol-pack(5), "Reference Update Request").

The very bytes that are read here are what git gets, so they must mean the same to both. receive-pack takes much that no
client sends (builtin/receive-pack.c, `read_head_info`): for it a line ends at a NUL, a second certificate goes on where
the first ended, and the last of several signatures counts. Whatever could be read in two ways is refused. The pack
behind the list is never looked at.

Each line is understood, or refused, when it comes. At the end there is nothing left to do that takes its time: a list
may have a hundred thousand of them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gitgate.plugin import RefChange, RefUpdate
from gitgate.wire.malformed import Malformed
from gitgate.wire.pktline import FLUSH, HEADER_LENGTH, payload_length

#: What all commands of a push may have together: more than a hundred thousand refs.
LONGEST_LIST: Final = 16 * 1024 * 1024

#: What was received is handed on in parts of so many bytes.
_PART: Final = 1024 * 1024

_COMMAND: Final = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\0- \x7f]+)")
_SHALLOW: Final = re.compile(rb"shallow ([0-9a-f]{40}|[0-9a-f]{64})\n?")
_CERTIFICATE: Final = b"push-cert"
_CERTIFICATE_END: Final = b"push-cert-end\n"
_SIGNATURES: Final = (
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
)


@dataclass(frozen=True, slots=True)
class PushCommands:
    """A push's commands. `capabilities` are what the client and git have agreed on, such as "report-status".

    `refs` are the names of the refs of `updates` as the client wrote them; in `updates` they are text.
    """

    updates: tuple[RefUpdate, ...]
    refs: tuple[bytes, ...]
    capabilities: frozenset[str]


class PushCommandsReader:
    """Takes a client's bytes until the command list is complete."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._parsed = 0
        self._has_begun = False
        self._capabilities: frozenset[str] = frozenset()
        self._certificate: _Certificate | None = None
        self._updates: list[RefUpdate] = []
        self._refs: list[bytes] = []

    def received(self) -> Iterator[bytes]:
        """All that was taken so far, in parts: the list, and once it is complete whatever came after it."""
        return (bytes(self._received[start : start + _PART]) for start in range(0, len(self._received), _PART))

    @property
    def size(self) -> int:
        """How many bytes that is."""
        return len(self._received)

    def feed(self, data: bytes) -> PushCommands | None:
        """Take some more; the commands, once they are all here. Raises `Malformed`."""
        self._received += data
        while len(self._received) >= self._parsed + HEADER_LENGTH:
            header = bytes(self._received[self._parsed : self._parsed + HEADER_LENGTH])
            length = payload_length(header)
            if length is None:
                if header != FLUSH:
                    raise Malformed("the list of commands does not end with a flush packet")
                self._parsed += HEADER_LENGTH
                return self._complete()
            end = self._parsed + HEADER_LENGTH + length
            if end > LONGEST_LIST:
                raise Malformed(f"the list of commands is longer than {LONGEST_LIST} bytes")
            if len(self._received) < end:
                return None
            self._take(bytes(self._received[self._parsed + HEADER_LENGTH : end]))
            self._parsed = end
        return None

    def _complete(self) -> PushCommands:
        if self._certificate is not None and not self._certificate.is_over:
            raise Malformed("the push certificate has no end")
        return PushCommands(tuple(self._updates), tuple(self._refs), self._capabilities)

    def _take(self, line: bytes) -> None:
        if not self._has_begun:
            self._begin(line)
        elif b"\0" in line:
            raise Malformed("the list of commands has a NUL where none can be")
        elif self._certificate is not None:
            for command in self._certificate.take(line):
                self._command(command)
        else:
            self._command(line.removesuffix(b"\n"))

    def _begin(self, line: bytes) -> None:
        """What a shallow clone lacks, or the first command or the certificate, with the capabilities."""
        if line.startswith(b"shallow "):
            if not _SHALLOW.fullmatch(line):
                raise Malformed("a shallow line of the push names no object")
            return
        self._has_begun = True
        first, _, listed = line.removesuffix(b"\n").partition(b"\0")
        if b"\0" in listed:
            raise Malformed("the list of commands has a NUL where none can be")
        self._capabilities = frozenset(listed.decode("utf-8", "backslashreplace").split())
        if first == _CERTIFICATE:
            self._certificate = _Certificate()
        else:
            self._command(first)

    def _command(self, command: bytes) -> None:
        match = _COMMAND.fullmatch(command)
        if match is None:
            raise Malformed("a command of the push is not: old name, new name, ref")
        old, new = match[1].decode("ascii"), match[2].decode("ascii")
        # git allows no backslash in the name of a ref, so two refs never become one here.
        ref = match[3].decode("utf-8", "backslashreplace")
        # Whatever the old name is said to be, a new one of zeros deletes: git does not look at the old one of a ref
        # that it finds to be broken.
        if not new.strip("0"):
            change = RefChange.DELETE
        elif not old.strip("0"):
            change = RefChange.CREATE
        else:
            change = RefChange.UPDATE
        self._updates.append(RefUpdate(ref=ref, old=old, new=new, change=change))
        self._refs.append(match[3])


class _Certificate:
    """A push certificate: a head, an empty line, the commands, and one signature. Its end is a packet of its own.

    Its lines need not be those of the packets that it comes in.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._part = _Part.START
        self._begun = bytearray()

    def take(self, packet: bytes) -> Iterator[bytes]:
        """The commands that are complete with the next packet. Raises `Malformed`."""
        if self.is_over:
            raise Malformed("the push certificate has something behind it")
        if packet == _CERTIFICATE_END:
            yield from self._commands((bytes(self._begun),))
            if self._part is not _Part.SIGNATURE:
                raise Malformed("the push certificate does not have a head, commands and one signature")
            self.is_over = True
            return
        if packet.startswith(_CERTIFICATE):
            raise Malformed("the push certificate ends twice, or another one begins in it")
        self._begun += packet
        if b"\n" in packet:
            *lines, rest = bytes(self._begun).split(b"\n")
            self._begun = bytearray(rest)
            yield from self._commands(lines)

    def _commands(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            if line.startswith(_CERTIFICATE):
                raise Malformed("the push certificate ends twice, or another one begins in it")
            if line.startswith(_SIGNATURES):
                if self._part is not _Part.COMMANDS:
                    raise Malformed("the push certificate does not have a head, commands and one signature")
                self._part = _Part.SIGNATURE
            elif self._part is _Part.COMMANDS:
                yield line
            elif self._part is _Part.START:
                self._part = _Part.HEAD
            elif self._part is _Part.HEAD and not line:
                self._part = _Part.COMMANDS


class _Part(Enum):
    """Where in a certificate one is. An empty line ends its head, but not before that has begun."""

    START = auto()
    HEAD = auto()
    COMMANDS = auto()
    SIGNATURE = auto()
