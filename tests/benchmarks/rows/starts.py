"""How long it takes until there is something."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Comparison, figures_in_turn
from benchmarks.stand import Stand


def start(stand: Stand) -> Iterator[Comparison]:
    """From the command to open doors, and `gitgate --version`."""

    def listening() -> float:
        gitgate = stand.fresh_gitgate()
        gitgate.close()
        return gitgate.seconds_to_listening

    def version() -> float:
        began = time.perf_counter()
        subprocess.run([Path(sys.executable).parent / "gitgate", "--version"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    os.sync()
    figures = figures_in_turn({"listening": listening, "version": version}, max(stand.runs, 7))
    yield Comparison("start to listening", "", figures["listening"], "the target", 0.8, "s", at_most=1.0)
    yield Comparison("gitgate --version", "", figures["version"], "the target", 0.15, "s", at_most=1.0)
