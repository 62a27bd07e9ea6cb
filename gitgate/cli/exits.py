"""What the process says to its caller when it ends."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes. Those from 64 on are of sysexits.h; 2 is the usage error of click, and of most shells."""

    OK = 0
    NO = 1
    USAGE = 2
    UNAVAILABLE = 69
    BUG = 70
    TEMPORARY = 75
    CONFIGURATION = 78
