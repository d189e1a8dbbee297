"""Moods: what one of two equally healthy versions has for a while and the other has not.

A mood multiplies a version's rate by something near one that changes over seconds to minutes. The
more responses are bad, the more it makes two equals differ beyond chance. Over a time that is long
beside the mood's own, their difference is `clumps + inertia * swing` times as wide as chance would
have it; the inertia (seconds) is the relative variance of their ratio times how long it lasts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

# Two versions whose rates each wander by 30 % over a minute: assumed of whom nothing is known.
UNKNOWN_S = 20.0
# No mood multiplies a rate by more; where they matter, that much worse is told apart at once.
LARGEST, MATTERS = 4.0, 2.0
BLOCKS_S = (15, 60, 240)
# Relative variances: what blocks are weighed with, and the most that one of them may show.
USUAL, STRANGEST = 0.2, 1.0
CAUTION = 1.0  # standard errors that are added


@dataclass(frozen=True, slots=True)
class Difference:
    """One look at two healthy versions.

    more: the canary's bad responses beyond its share of both's. chance: that number's variance if
    responses were independent. span_s: the look's length.
    """

    more: float
    chance: float
    span_s: float


def difference(bad: float, n: int, stable_bad: float, stable_n: int, span_s: float) -> Difference:
    """Compare the arms of one look; a look without one of them says nothing."""
    if not n or not stable_n:
        return Difference(0.0, 0.0, span_s)
    both, share = bad + stable_bad, n / (n + stable_n)
    return Difference(bad - both * share, both * share * (1 - share), span_s)


def swing(stable_bad: float, seconds: float, weight: int) -> float:
    """Return how fast chance alone drives two arms apart, per second, from stable's bad responses.

    stable_bad: met in `seconds` beside a canary at `weight` percent.
    """
    return stable_bad / seconds * weight / 100 if seconds > 0 else 0.0


def inertia(
    rollouts: Iterable[Sequence[Difference]],
    clumps: float,
    horizon_s: float = math.inf,
    unseen_s: float = UNKNOWN_S,
) -> float:
    """Return the inertia in seconds that several rollouts show, raised by its uncertainty.

    clumps: overdispersion at once, at least 1. horizon_s: how long the next rollout compares the
    two versions: of a mood that outlasts it, it meets what blocks of that length do.
    unseen_s: where too little was seen.
    """
    known = [tuple(each) for each in rollouts]
    longest = min(max(horizon_s, BLOCKS_S[0]), BLOCKS_S[-1])
    sizes = sorted({*(size for size in BLOCKS_S if size < longest), longest})
    found = [_of_blocks([_blocks(one, size) for one in known], clumps, size) for size in sizes]
    return max(unseen_s if each is None else each for each in found)


def _blocks(looks: Sequence[Difference], size_s: float) -> list[tuple[float, float]]:
    """Sum (more, chance) over whole blocks of `size_s`; the last, shorter one is left out."""
    sums: dict[int, tuple[float, float]] = {}
    ends = list(accumulate(look.span_s for look in looks))
    for look, end in zip(looks, ends, strict=True):
        block = math.ceil(round(end / size_s, 6)) - 1
        more, chance = sums.get(block, (0.0, 0.0))
        sums[block] = (more + look.more, chance + look.chance)
    whole = int(round(ends[-1], 3) // size_s) if ends else 0
    return [each for block, each in sums.items() if block < whole and each[1] > 0]


def _of_blocks(
    rollouts: Sequence[Sequence[tuple[float, float]]], clumps: float, size_s: float
) -> float | None:
    weighed = [
        (min((more**2 - clumps * chance) / chance**2, STRANGEST), clumps / chance)
        for blocks in rollouts
        for more, chance in blocks
    ]
    # Each block's own estimate counts by its precision: an outage does not outweigh all others.
    weights = [(noise + USUAL) ** -2 for _, noise in weighed]
    total = sum(weights)
    if not total:
        return None
    pairs = list(zip(weights, weighed, strict=True))
    found = max(sum(weight * each for weight, (each, _) in pairs) / total, 0.0)
    error = math.sqrt(sum(2 * (weight * (noise + found)) ** 2 for weight, (_, noise) in pairs))
    likely = found + CAUTION * error / total
    return size_s * min(likely, max(found, UNKNOWN_S / size_s))
