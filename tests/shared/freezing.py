"""Stops a process in its tracks: the system still accepts connections for it, and nobody answers."""

import os
import signal
import subprocess
from typing import Any


def freeze(process: "subprocess.Popen[Any]") -> None:
    """Returns when none of its threads runs any more, which on a busy machine is long after the signal was sent."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
