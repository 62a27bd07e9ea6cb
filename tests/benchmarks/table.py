"""The table, for people and for docs/performance.md."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import Comparison, Series

_BEGIN = "<!-- figures: written by `make bench` -->"
_END = "<!-- end of figures -->"

_HEAD = ("work", "gitgate", "its median (range)", "against", "its median (range)", "ratio", "target", "")


def rows(comparisons: Sequence[Comparison]) -> Iterator[tuple[str, ...]]:
    """The cells, line by line."""
    for each in comparisons:
        yield (
            each.work,
            each.candidate,
            _shown(each.ours, each.unit),
            each.against,
            _number(each.theirs, each.unit) if isinstance(each.theirs, float) else _shown(each.theirs, each.unit),
            f"{each.ratio:.2f}",
            _target(each),
            _verdict(each),
        )


def as_text(comparisons: Sequence[Comparison]) -> str:
    """For the terminal."""
    lines = [_HEAD, *rows(comparisons)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_markdown(comparisons: Sequence[Comparison], notes: Sequence[str]) -> str:
    """For the document."""
    lines = [_HEAD, tuple("---" for _ in _HEAD), *rows(comparisons)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    remarks = "".join(f"\n- {note}" for note in notes)
    return f"{_machine()}\n\n{table}\n" + (f"{remarks}\n" if remarks else "")


def write_into(document: Path, figures: str) -> None:
    """Put `figures` between the marks."""
    text = document.read_text()
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{document} has no place for the figures: {_BEGIN} ... {_END}")
    document.write_text(f"{before}{_BEGIN}\n\n{figures}\n{_END}{after}")


def _machine() -> str:
    git = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    load = os.getloadavg()[1]
    return (
        f"{os.cpu_count()} cores{f' ({model[1]})' if model else ''}, Linux {platform.release().split('-')[0]},"
        f" git {git}, Python {sys.version.split()[0]}; the machine's load over the last five minutes: {load:.1f}."
    )


def _shown(series: Series, unit: str) -> str:
    if len(series.figures) == 1:
        return _number(series.median, unit)
    low, high = (_digits(figure) for figure in (min(series.figures), max(series.figures)))
    return f"{_number(series.median, unit)} ({low}-{high})"


def _number(figure: float, unit: str) -> str:
    return f"{_digits(figure)} {unit}" if unit[0] != "/" else f"{_digits(figure)}{unit}"


def _digits(figure: float) -> str:
    if figure >= 100:
        return f"{figure:.0f}"
    return f"{figure:.1f}" if figure >= 10 else f"{figure:.3f}"


def _target(each: Comparison) -> str:
    if each.at_most is not None:
        return f"at most {each.at_most:.3g}"
    return f"at least {each.at_least:.3g}" if each.at_least is not None else "-"


def _verdict(each: Comparison) -> str:
    if each.at_most is None and each.at_least is None:
        return ""
    return "holds" if each.holds else "does not hold"
