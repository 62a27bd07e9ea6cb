"""What the system is to think of this process and its gits when it divides the processors."""

import os


def run_as_batch() -> None:
    """Let who is woken wait for whoever runs (SCHED_BATCH, sched(7)): nothing here waits for a key to be pressed.

    git writes a pack in pieces of 8 KiB, and each piece wakes a git or gitgate. Where that one takes the processor at
    once, there is never more than a piece to read. So a clone takes gitgate a third less of a processor, and requests
    beside it wait no longer.

    What is started, gits as well as threads, is scheduled alike. Who has chosen another policy (as with systemd's
    `CPUSchedulingPolicy`) keeps it.
    """
    try:
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        pass  # a sandbox that does not let us: it works as it is
