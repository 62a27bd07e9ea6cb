"""python -m benchmarks [--large] [--runs N] [ROW ...]: measures, prints the table, and writes it where it belongs."""

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks import table
from benchmarks.measuring import Comparison
from benchmarks.repositories import LARGE, USUAL
from benchmarks.rows import ROWS
from benchmarks.stand import Stand

_PROJECT = Path(__file__).parents[2]


def main() -> None:
    """With all rows, the figures of docs/performance.md are replaced."""
    parser = argparse.ArgumentParser(prog="make bench", description="gitgate beside what people run today")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"default: all of {' '.join(ROWS)}")
    parser.add_argument("--large", action="store_true", help="blobs of 1 GiB instead of 192 MiB")
    parser.add_argument("--runs", type=int, default=5, help="of each candidate (default: 5)")
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {' '.join(ROWS)}")
    # By default it would end this process alone, and leave all servers behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    began = time.monotonic()
    comparisons: list[Comparison] = []
    stand = Stand(_PROJECT / "build" / "benchmarks", LARGE if chosen.large else USUAL, chosen.runs)
    try:
        for name in chosen.rows or ROWS:
            print(f"{name} ...", flush=True)
            comparisons.extend(ROWS[name](stand))
    finally:
        stand.close()
    print(f"\n{table.as_text(comparisons)}\n\n{time.monotonic() - began:.0f} s")
    if not chosen.rows:
        document = _PROJECT / "docs" / "performance.md"
        table.write_into(document, table.as_markdown(comparisons, stand.notes))
        print(f"the figures are in {document.relative_to(_PROJECT)}")


if __name__ == "__main__":
    main()
