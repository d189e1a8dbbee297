"""Metrics as CloudWatch keeps them: samples by namespace, name and dimensions."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One published point: Unix time, and values with how often each occurred."""

    at: float
    values: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Series:
    """One metric: its dimensions as first declared, samples oldest first."""

    dimensions: Dimensions
    samples: list[Sample] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Metrics:
    """Every metric of one region."""

    series: dict[Key, Series] = field(default_factory=dict)

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        at: float,
        values: Iterable[tuple[float, float]],
    ) -> None:
        """Add a sample, in time's order whatever the order of arrival."""
        key = (namespace, name, frozenset(dimensions))
        series = self.series.setdefault(key, Series(dimensions))
        place = bisect_left(series.times, at)
        series.times.insert(place, at)
        series.samples.insert(place, Sample(at, tuple(values)))

    def find(self, namespace: str, name: str, dimensions: Dimensions) -> Series | None:
        """Return the metric with exactly these dimensions, in whatever order they come."""
        return self.series.get((namespace, name, frozenset(dimensions)))

    def listed(self) -> Iterator[tuple[str, str, Series]]:
        """Walk over namespace, name and series."""
        for (namespace, name, _), series in self.series.items():
            yield namespace, name, series


def statistic(name: str, samples: Sequence[Sample]) -> float | None:
    """Compute Sum, SampleCount, Average, Minimum, Maximum, pNN or TC(:x); None for another one."""
    counts: dict[float, float] = {}
    for sample in samples:
        for value, count in sample.values:
            counts[value] = counts.get(value, 0) + count
    number = sum(counts.values())
    total = sum(value * count for value, count in counts.items())
    simple = {
        "Sum": total,
        "SampleCount": number,
        "Average": total / number if number else math.nan,
        "Minimum": min(counts, default=math.nan),
        "Maximum": max(counts, default=math.nan),
    }
    if name in simple:
        return simple[name]
    bound = bound_of(name)
    if bound is not None:
        return sum(count for value, count in counts.items() if value <= bound)
    percent = percentile_of(name)
    return None if percent is None else _percentile(counts, number, percent)


def percentile_of(name: str) -> float | None:
    """Read "p99" or "p99.9" as a percentage; None if it is neither."""
    if not name.startswith("p"):
        return None
    try:
        percent = float(name[1:])
    except ValueError:
        return None
    return percent if 0 <= percent <= 100 else None


def bound_of(name: str) -> float | None:
    """Read "TC(:0.3)", the number of values up to 0.3, as its bound; None if it is another one."""
    if not (name.startswith("TC(:") and name.endswith(")")):
        return None
    try:
        return float(name[4:-1])
    except ValueError:
        return None


def _percentile(counts: Mapping[float, float], number: float, percent: float) -> float:
    reached = 0.0
    for value in sorted(counts):
        reached += counts[value]
        if reached >= number * percent / 100:
            return value
    return math.nan
