"""What a push asks for: the command list that goes before the pack (gitprotocol-pack(5), "Reference Update Request").

The very bytes that are read here are what git gets, so they must mean the same to both. receive-pack takes much that no
client sends (builtin/receive-pack.c, `read_head_info`): for it a line ends at a NUL, a second certificate goes on where
the first ended, and the last of several signatures counts. Whatever could be read in two ways is refused. The pack
behind the list is never looked at.
"""

import re
from dataclasses import dataclass
from typing import Final

from gitgate.plugin import RefChange, RefUpdate
from gitgate.wire.malformed import Malformed
from gitgate.wire.pktline import payload_length

#: What all commands of a push may have together: more than a hundred thousand refs.
LONGEST_LIST: Final = 16 * 1024 * 1024

_COMMAND: Final = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\0- \x7f]+)")
_SHALLOW: Final = re.compile(rb"shallow ([0-9a-f]{40}|[0-9a-f]{64})\n?")
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
        self._lines: list[bytes] = []

    @property
    def received(self) -> bytes:
        """All that was taken so far: the list, and once it is complete whatever came after it."""
        return bytes(self._received)

    @property
    def size(self) -> int:
        """How many bytes that is."""
        return len(self._received)

    def feed(self, data: bytes) -> PushCommands | None:
        """Take some more; the commands, once they are all here. Raises `Malformed`."""
        self._received += data
        while len(self._received) >= self._parsed + 4:
            header = bytes(self._received[self._parsed : self._parsed + 4])
            length = payload_length(header)
            if length is None:
                if header != b"0000":
                    raise Malformed("the list of commands does not end with a flush packet")
                self._parsed += 4
                lines, self._lines = self._lines, []
                return _parse(lines)
            end = self._parsed + 4 + length
            if end > LONGEST_LIST:
                raise Malformed(f"the list of commands is longer than {LONGEST_LIST} bytes")
            if len(self._received) < end:
                return None
            self._lines.append(bytes(self._received[self._parsed + 4 : end]))
            self._parsed = end
        return None


def _parse(lines: list[bytes]) -> PushCommands:
    position = 0
    while position < len(lines) and lines[position].startswith(b"shallow "):
        if not _SHALLOW.fullmatch(lines[position]):
            raise Malformed("a shallow line of the push names no object")
        position += 1
    if position == len(lines):
        return PushCommands((), (), frozenset())
    first, nul, listed = lines[position].removesuffix(b"\n").partition(b"\0")
    rest = lines[position + 1 :]
    if any(b"\0" in part for part in (listed, *rest)):
        raise Malformed("the list of commands has a NUL where none can be")
    capabilities = frozenset(listed.decode("utf-8", "backslashreplace").split()) if nul else frozenset()
    commands = _certified(rest) if first == b"push-cert" else [first, *(line.removesuffix(b"\n") for line in rest)]
    parsed = [_update(command) for command in commands]
    return PushCommands(tuple(update for update, _ in parsed), tuple(ref for _, ref in parsed), capabilities)


def _certified(lines: list[bytes]) -> list[bytes]:
    """The commands of the push certificate that `lines` are: they stand between its head and its signature."""
    if not lines or lines[-1] != _CERTIFICATE_END:
        raise Malformed("the push certificate has no end, or something behind it")
    certificate = b"".join(lines[:-1])
    if any(line.startswith(b"push-cert") for line in (*lines[:-1], *certificate.split(b"\n"))):
        raise Malformed("the push certificate ends twice, or another one begins in it")
    _, blank, body = certificate.partition(b"\n\n")
    commands = body.split(b"\n")
    signatures = [number for number, line in enumerate(certificate.split(b"\n")) if line.startswith(_SIGNATURES)]
    begins = [number for number, line in enumerate(commands) if line.startswith(_SIGNATURES)]
    if not blank or len(signatures) != 1 or len(begins) != 1:
        raise Malformed("the push certificate does not have a head, commands and one signature")
    return commands[: begins[0]]


def _update(command: bytes) -> tuple[RefUpdate, bytes]:
    match = _COMMAND.fullmatch(command)
    if match is None:
        raise Malformed("a command of the push is not: old name, new name, ref")
    old, new = match[1].decode("ascii"), match[2].decode("ascii")
    # git allows no backslash in the name of a ref, so two refs never become one here.
    ref = match[3].decode("utf-8", "backslashreplace")
    # Whatever the old name is said to be, a new one of zeros deletes: git does not look at the old one of a ref that
    # it finds to be broken.
    if not new.strip("0"):
        change = RefChange.DELETE
    elif not old.strip("0"):
        change = RefChange.CREATE
    else:
        change = RefChange.UPDATE
    return RefUpdate(ref=ref, old=old, new=new, change=change), match[3]
