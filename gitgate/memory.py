"""How much memory a server takes at most, so that its machine can be chosen before it is attacked."""

import os
from pathlib import Path
from typing import Final

from gitgate.config.model import Limits
from gitgate.wire.push_commands import LONGEST_LIST

#: What one client can make us keep: 256 KiB on their way out, over ssh 192 KiB more that were before them, and pieces
#: of 64 KiB on their way in, compressed and not, encrypted and not.
#: tests/attack/ssh/test_memory.py and tests/attack/test_memory_of_http_and_git.py hold the server to it.
SESSION_BYTES: Final = 512 * 1024

_MEBIBYTE: Final = 1024 * 1024

#: What is remembered of sources that behaved badly, when all places are taken.
SOURCES_BYTES: Final = 8 * _MEBIBYTE

#: The lists of commands of pushes with many refs, for which there is room for one of the longest. Measured: what is
#: made of it, and copied on its way to git, takes seven times as much as the list.
COMMANDS_BYTES: Final = 8 * LONGEST_LIST

#: The answers to `info` that clients of ssh do not read.
ANSWERS_BYTES: Final = 8 * _MEBIBYTE

#: Kept answers that are too short for a file (gitgate.git.answer_cache).
KEPT_BYTES: Final = 16 * _MEBIBYTE

_SHARED_BYTES: Final = SOURCES_BYTES + COMMANDS_BYTES + ANSWERS_BYTES + KEPT_BYTES


def most_added_by_clients(limits: Limits) -> int:
    """Bytes. A client has one connection; over ssh, one connection may have several operations. For what is long and
    rare, all of them together have some room.
    """
    return (limits.max_connections + limits.max_operations) * SESSION_BYTES + _SHARED_BYTES


def resident() -> int:
    """Bytes of this process that are in memory now (proc_pid_statm(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def memory_line(limits: Limits, resident_bytes: int) -> str:
    """What the log says of it when the server starts."""
    added = most_added_by_clients(limits)
    return (
        f"memory: at most {(resident_bytes + added) // _MEBIBYTE} MiB: {resident_bytes // _MEBIBYTE} MiB now,"
        f" {SESSION_BYTES // 1024} KiB for each of {limits.max_connections} connections"
        f" and {limits.max_operations} operations, and {_SHARED_BYTES // _MEBIBYTE} MiB for all of them;"
        " the gits that run have their own"
    )
