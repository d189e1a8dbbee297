"""What a benchmark is given and what it reports: numbers with their goals, and how to read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. goal: the most it may be, or with `at_least` the least; None has no goal.

    The goals are the project's promises, see docs/reference/benchmarks.md.
    """

    name: str
    value: float
    unit: str = ""
    goal: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one. NaN, which is no measurement, never is."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of one benchmark; notes: how they came about, one sentence each."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """How much to do, and where to say what goes on. effort: 1 is the whole benchmark."""

    effort: float = 1.0
    say: Callable[[str], None] = lambda _: None

    def times(self, whole: int, *, least: int = 1) -> int:
        """Return how often to do what the whole benchmark does `whole` times."""
        return max(least, round(whole * self.effort))


def quantile(values: Sequence[float], q: float) -> float:
    """Return the smallest value that a share `q` of them does not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(math.ceil(q * len(values)) - 1, 0)]


def spread(
    name: str, values: Sequence[float], unit: str, goals: tuple[float | None, float | None]
) -> tuple[Figure, ...]:
    """Return the median, the 99th percentile and the worst of `values`; goals of the first two."""
    return (
        Figure(f"{name}, p50", quantile(values, 0.5), unit, goals[0]),
        Figure(f"{name}, p99", quantile(values, 0.99), unit, goals[1]),
        Figure(f"{name}, worst", max(values, default=math.nan), unit),
    )
