"""Figures: taken in turn, so that what else the machine does befalls all candidates alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Series:
    """The figures of several runs of one candidate, in one unit."""

    figures: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.figures)

    def scaled(self, factor: float) -> "Series":
        return Series(tuple(figure * factor for figure in self.figures))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table: a candidate, what it is held against, and the target for the ratio of their medians.

    `theirs` is a number where the target is absolute. `unit` is "s", "CPU s", "/s", "KiB" or "MiB".
    """

    work: str
    candidate: str
    ours: Series
    against: str
    theirs: Series | float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        reference = self.theirs if isinstance(self.theirs, float) else self.theirs.median
        return self.ours.median / reference if reference else float("inf")

    @property
    def holds(self) -> bool:
        return (self.at_most is None or self.ratio <= self.at_most) and (
            self.at_least is None or self.ratio >= self.at_least
        )


class Server(Protocol):
    """Something that serves, of which can be told what it has cost so far."""

    @property
    def name(self) -> str: ...

    def cpu_seconds(self) -> float | None:
        """User and system time of it and of all that it has started; None where that cannot be known."""


@dataclass(slots=True)
class Runs:
    """What was measured of one candidate."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def wall_series(self) -> Series:
        return Series(tuple(self.wall))

    @property
    def cpu_series(self) -> Series | None:
        return Series(tuple(self.cpu)) if self.cpu else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to be timed. `before` is not: it brings the server into the state that is wanted."""

    action: Callable[[], object]
    server: Server
    before: Callable[[], object] = lambda: None


def in_turn(candidates: Mapping[str, Candidate], runs: int) -> dict[str, Runs]:
    """`runs` runs of each, after one of each that does not count; each round begins with another candidate."""
    results = {name: Runs() for name in candidates}
    names = list(candidates)
    for round_ in range(-1, runs):
        shift = round_ % len(names) if names else 0
        for name in names[shift:] + names[:shift]:
            wall, cpu = timed(candidates[name])
            if round_ >= 0:
                results[name].wall.append(wall)
                if cpu is not None:
                    results[name].cpu.append(cpu)
    return results


def figures_in_turn(candidates: Mapping[str, Callable[[], float]], runs: int) -> dict[str, Series]:
    """The same for what measures itself."""
    figures: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for round_ in range(runs):
        shift = round_ % len(names) if names else 0
        for name in names[shift:] + names[:shift]:
            figures[name].append(candidates[name]())
    return {name: Series(tuple(values)) for name, values in figures.items()}


#: A server's child that has answered still has to end, which is a part of what it costs.
_SECONDS_TO_END = 0.03


def timed(candidate: Candidate) -> tuple[float, float | None]:
    """Seconds by the clock and seconds of CPU."""
    candidate.before()
    cost_before = candidate.server.cpu_seconds()
    began = time.perf_counter()
    candidate.action()
    wall = time.perf_counter() - began
    time.sleep(_SECONDS_TO_END)
    cost = candidate.server.cpu_seconds()
    return wall, None if cost is None or cost_before is None else cost - cost_before
