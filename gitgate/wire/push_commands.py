"""What a push asks for: the command list that goes before the pack (gitprotocol-pack(5), "Reference Update Request").

It is read here as receive-pack reads it (builtin/receive-pack.c, `read_head_info`), and the very bytes that were read
are what git gets. The pack behind it is never looked at.
"""

import re
from dataclasses import dataclass
from typing import Final

from gitgate.plugin import RefChange, RefUpdate
from gitgate.wire.malformed import Malformed
from gitgate.wire.pktline import payload_length

#: What all commands of a push may have together: more than a hundred thousand refs.
LONGEST_LIST: Final = 16 * 1024 * 1024

_COMMAND: Final = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) (.+)", re.DOTALL)
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
                return _parse(self._lines)
            end = self._parsed + 4 + length
            if end > LONGEST_LIST:
                raise Malformed(f"the list of commands is longer than {LONGEST_LIST} bytes")
            if len(self._received) < end:
                return None
            self._lines.append(bytes(self._received[self._parsed + 4 : end]))
            self._parsed = end
        return None


def _parse(lines: list[bytes]) -> PushCommands:
    commands: list[bytes] = []
    capabilities: frozenset[str] = frozenset()
    certificate: list[bytes] | None = None
    for line in lines:
        if certificate is not None:
            if line.removesuffix(b"\n") == b"push-cert-end":
                commands += _certified(b"".join(certificate))
                certificate = None
            else:
                certificate.append(line)
            continue
        if line.startswith(b"shallow "):
            continue
        command, nul, listed = line.removesuffix(b"\n").partition(b"\0")
        if nul:
            capabilities = frozenset(listed.decode("utf-8", "backslashreplace").split())
        if command == b"push-cert":
            certificate = []
        else:
            commands.append(command)
    if certificate is not None:
        raise Malformed("the push certificate has no end")
    parsed = [_update(command) for command in commands]
    return PushCommands(tuple(update for update, _ in parsed), tuple(ref for _, ref in parsed), capabilities)


def _certified(certificate: bytes) -> list[bytes]:
    """The commands that stand between the head of a push certificate and its signature."""
    _, blank, body = certificate.partition(b"\n\n")
    commands = []
    for line in body.split(b"\n") if blank else ():
        if line.startswith(_SIGNATURES):
            break
        if line:
            commands.append(line)
    return commands


def _update(command: bytes) -> tuple[RefUpdate, bytes]:
    match = _COMMAND.fullmatch(command)
    if match is None:
        raise Malformed("a command of the push is not: old name, new name, ref")
    old, new = match[1].decode("ascii"), match[2].decode("ascii")
    # git allows no backslash in the name of a ref, so two refs never become one here.
    ref = match[3].decode("utf-8", "backslashreplace")
    if not old.strip("0"):
        change = RefChange.CREATE
    elif not new.strip("0"):
        change = RefChange.DELETE
    else:
        change = RefChange.UPDATE
    return RefUpdate(ref=ref, old=old, new=new, change=change), match[3]
