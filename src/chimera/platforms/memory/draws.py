"""Random counts at a cost that does not grow with the number of requests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

_EXACT = 30.0  # expected events up to which each is drawn; beyond, the normal law is as good


def poisson(rng: Random, mean: float) -> int:
    """Draw how many events happen where `mean` are expected."""
    if mean <= 0:
        return 0
    if mean > _EXACT:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    events, waited = 0, rng.expovariate(1.0)
    while waited < mean:
        events += 1
        waited += rng.expovariate(1.0)
    return events


def binomial(rng: Random, n: int, p: float) -> int:
    """Draw how many of `n` have a property of probability `p`."""
    if n <= 0 or p <= 0:
        return 0
    if p >= 1:
        return n
    if p > 0.5:
        return n - binomial(rng, n, 1 - p)
    if n * p > _EXACT:
        drawn = round(rng.gauss(n * p, math.sqrt(n * p * (1 - p))))
        return min(n, max(0, drawn))
    return _by_gaps(rng, n, p)


def multinomial(rng: Random, n: int, shares: Sequence[float]) -> list[int]:
    """Distribute `n` over cells by `shares`, which sum to 1."""
    cells, left, rest = [], n, 1.0
    for part in shares[:-1]:
        drawn = binomial(rng, left, part / rest) if rest > 0 else 0
        cells.append(drawn)
        left -= drawn
        rest -= part
    return [*cells, left]


def _by_gaps(rng: Random, n: int, p: float) -> int:
    """Jump from one hit to the next: the gaps are geometric."""
    scale = math.log1p(-p)
    hits, at = 0, 0
    while True:
        at += int(math.log(1.0 - rng.random()) / scale) + 1
        if at > n:
            return hits
        hits += 1
