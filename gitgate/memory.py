"""How much memory a server takes at most, so that its machine can be chosen before it is attacked."""

import os
from pathlib import Path
from typing import Final

from gitgate.config.model import Limits

#: What one client can make us keep: pieces of 64 KiB on their way in and out, compressed and not, encrypted and not.
#: tests/attack/ssh/test_memory.py and tests/attack/test_memory_of_http_and_git.py hold the server to it.
SESSION_BYTES: Final = 512 * 1024

#: What is remembered of sources that behaved badly, when all places are taken.
SOURCES_BYTES: Final = 8 * 1024 * 1024

_MEBIBYTE: Final = 1024 * 1024


def most_added_by_clients(limits: Limits) -> int:
    """Bytes. A client has one connection; over ssh, one connection may have several operations."""
    return (limits.max_connections + limits.max_operations) * SESSION_BYTES + SOURCES_BYTES


def resident() -> int:
    """Bytes of this process that are in memory now (proc_pid_statm(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def memory_line(limits: Limits, resident_bytes: int) -> str:
    """What the log says of it when the server starts."""
    added = most_added_by_clients(limits)
    return (
        f"memory: at most {(resident_bytes + added) // _MEBIBYTE} MiB: {resident_bytes // _MEBIBYTE} MiB now, and"
        f" {SESSION_BYTES // 1024} KiB for each of {limits.max_connections} connections"
        f" and {limits.max_operations} operations; the gits that run have their own"
    )
