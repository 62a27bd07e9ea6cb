"""The command of an ssh exec request, read exactly as `git shell -c` reads it."""

from dataclasses import dataclass

from gitgate.plugin import Service
from gitgate.wire.malformed import Malformed
from gitgate.wire.paths import normalize_path
from gitgate.wire.printable import printable

LONGEST_COMMAND = 4096

_SERVICES = {
    service.value.encode(): service for service in (Service.UPLOAD_PACK, Service.UPLOAD_ARCHIVE, Service.RECEIVE_PACK)
}


@dataclass(frozen=True, slots=True)
class SshCommand:
    """One of git's three services, on a path."""

    service: Service
    path: str


def parse_ssh_command(command: bytes) -> SshCommand:
    """What `command` asks for: `git-upload-pack '<path>'`, or the same with a space after `git`.

    Raises `Malformed` with git shell's own words (shell.c: "unrecognized command", "bad argument").
    """
    if len(command) > LONGEST_COMMAND:
        raise Malformed(f"the command is longer than {LONGEST_COMMAND} bytes")
    program = command
    if program[:3] == b"git" and program[3:4] in (b" ", b"\t", b"\n", b"\r"):
        program = b"git-" + program[4:]
    verb, space, argument = program.partition(b" ")
    service = _SERVICES.get(verb)
    if service is None:
        raise Malformed(f"unrecognized command '{printable(command)}'")
    path = _dequote(argument) if space else None
    if path is None or path.startswith(b"-"):
        raise Malformed("bad argument")
    return SshCommand(service, normalize_path(path))


def _dequote(quoted: bytes) -> bytes | None:
    """What stands in single quotes, as quote.c's `sq_dequote` takes it; None where it would refuse.

    Between the quotes everything is literal. A quote may be left only for `\\'` or `\\!`, and must be entered again at
    once. A shell's lexer accepts far more, and so gives a different path for the same bytes than git would.
    """
    if len(quoted) < 2 or quoted[:1] != b"'" or b"\0" in quoted:
        return None
    parts = []
    position = 1
    while True:
        end = quoted.find(b"'", position)
        if end < 0:
            return None
        parts.append(quoted[position:end])
        if end == len(quoted) - 1:
            return b"".join(parts)
        escape = quoted[end + 1 : end + 4]
        if escape not in (b"\\''", b"\\!'"):
            return None
        parts.append(escape[1:2])
        position = end + 4
