"""Which folders are on a disk of this machine.

What was looked at there a moment ago is in memory, and looking again takes microseconds. A file system over the
network, or of some program, answers when somebody else does, and may hang.
"""

import os
import re
from pathlib import Path
from typing import Final

#: proc_pid_mountinfo(5).
_MOUNTS: Final = Path("/proc/self/mountinfo")
_MOUNT_POINT: Final = 4
_SEPARATOR: Final = b" - "

#: An overlay is what containers have; what it lies over is on their machine.
_LOCAL: Final = frozenset(
    (b"bcachefs", b"btrfs", b"ext2", b"ext3", b"ext4", b"f2fs", b"jfs", b"overlay", b"ramfs", b"tmpfs", b"xfs", b"zfs")
)


def are_local(*paths: Path) -> bool:
    """All of them are on a disk of this machine, or in its memory, wherever links lead; False where nobody says so."""
    try:
        mounts = _mounts()
        return all(_kind_at(os.path.realpath(os.fsencode(path)), mounts) in _LOCAL for path in paths)
    except OSError:
        return False


def _mounts() -> dict[bytes, bytes]:
    """The kind of file system by the place where it is mounted; of several at one place, the last."""
    kinds: dict[bytes, bytes] = {}
    for line in _MOUNTS.read_bytes().split(b"\n")[:-1]:  # a name may hold a carriage return
        place, _, file_system = line.partition(_SEPARATOR)
        kinds[_without_escapes(place.split(b" ")[_MOUNT_POINT])] = file_system.split(b" ", 1)[0]
    return kinds


def _kind_at(path: bytes, mounts: dict[bytes, bytes]) -> bytes | None:
    while path not in mounts:
        above = os.path.dirname(path)  # noqa: PTH120 # bytes
        if above == path:
            return None
        path = above
    return mounts[path]


def _without_escapes(place: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), place)
