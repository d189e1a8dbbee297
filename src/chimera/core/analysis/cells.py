"""Latency from bucket counts: quantiles, and how many requests surely exceed a bound."""

from __future__ import annotations

from bisect import bisect_left

from chimera.core.model import Tally

FALL = 4
# Nobody notices what lies below, and it says more of a machine and its caches, which are colder at
# a canary's share of the traffic, than of a version.
UNNOTICED_MS = 2.0


def timed(tally: Tally) -> int:
    """Return how many requests have a latency."""
    return sum(tally.cells)


def quantile_ms(tally: Tally, quantile: float) -> float | None:
    """Return the quantile, interpolated linearly in its bucket (errs high); None if unknown.

    Beyond the last bound nothing is known but that it exceeds it: then the last bound is returned.
    """
    total = timed(tally)
    if not total:
        return None
    rank, below, low = quantile * total, 0, 0.0
    for bound, cell in zip(tally.bounds_ms, tally.cells, strict=False):
        if cell and below + cell >= rank:
            return low + (bound - low) * max(rank - below, 0.0) / cell
        below, low = below + cell, bound
    return low


def bound_from(bounds_ms: tuple[float, ...], value_ms: float) -> float | None:
    """Return the smallest bound that is at least `value_ms`; None if it lies beyond all."""
    index = bisect_left(bounds_ms, value_ms)
    return bounds_ms[index] if index < len(bounds_ms) else None


def first_noticed(tally: Tally) -> int:
    """Return the cell beyond which a comparison begins: what is faster counts as equally fast."""
    return bisect_left(tally.bounds_ms, UNNOTICED_MS)


def over(tally: Tally, limit_ms: float) -> float:
    """Return how many requests took longer than a limit; beyond all bounds nobody can tell: 0.

    Where no bucket ends at the limit, the share of its bucket is estimated low: the
    density falls there.
    """
    index = bisect_left(tally.bounds_ms, limit_ms)
    if index >= len(tally.bounds_ms):
        return 0.0
    high, low = tally.bounds_ms[index], tally.bounds_ms[index - 1] if index else 0.0
    beside = 0.0 if high == limit_ms else ((high - limit_ms) / (high - low)) ** FALL
    return beside * tally.cells[index] + sum(tally.cells[index + 1 :])


def beyond(tally: Tally, quantile: float) -> bool:
    """Return whether the quantile lies beyond the last bound: only a lower bound is known."""
    return bool(tally.cells) and sum(tally.cells[:-1]) < quantile * timed(tally)
