"""What is bet on: how a bad canary's responses would differ from stable's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

# (likelihood ratio of a good response, of a bad one): the last one is a canary that fails outright.
OUTRIGHT = (0.2, 100.0)
FAR = 5.0  # from here on a bet is on a canary that is much worse
ERROR_BETS = (
    (1.0, 1.5),
    (1.0, 2.5),
    (1.0, 5.0),
    (1.0, 12.0),
    (1.0, 40.0),
    (1.0, 400.0),
    OUTRIGHT,
)
ERROR_SHARES = (0.14, 0.19, 0.19, 0.14, 0.14, 0.1, 0.1)

# How far a slowdown multiplies the odds of exceeding any boundary.
SLOWDOWNS = (1.2, 1.5, 2.5, 5.0, 12.0, 40.0, 400.0)
SLOW_SHARES = (0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.1)

# The gate: how much better than the tolerated harm the canary is bet to be.
GATE_BETS = ((1.0, 0.45), (1.0, 0.25), (1.0, 0.03))
GATE_SHARES = (0.4, 0.4, 0.2)

TAILS = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
SMOOTHING = 0.5


def coarse(cells: Sequence[float], first: int = 0) -> tuple[int, ...]:
    """Return after which cells to cut, so that few boundaries stay and each tells something new.

    cells: what stable met before, (n_cells,). One cut per tail share of interest, none before the
    cell `first`.
    """
    total, tail, cuts = sum(cells), float(sum(cells)), []
    wanted = list(TAILS)
    for index, cell in enumerate(cells[:-1]):
        tail -= cell
        if wanted and tail <= wanted[0] * total:
            cuts.append(max(index, first))
            while wanted and tail <= wanted[0] * total:
                wanted.pop(0)
    return tuple(dict.fromkeys(cut for cut in cuts if cut < len(cells) - 1))


def regroup(cells: Sequence[float], cuts: Sequence[int]) -> tuple[float, ...]:
    """Sum cells between the cuts: (len(cuts) + 1,)."""
    edges = [0, *(cut + 1 for cut in cuts), len(cells)]
    return tuple(sum(cells[low:high]) for low, high in pairwise(edges))


def slow_ratios(stable: Sequence[float], slowdown: float, rho: float) -> tuple[float, ...]:
    """Return the likelihood ratio per cell if the odds beyond every boundary rise `slowdown` times.

    stable: what stable met before, per cell. Divided by the tolerance and never falling.
    """
    total = sum(stable) + SMOOTHING * len(stable)
    ratios, tail, worse, floor = [], 1.0, 1.0, 0.0
    for cell in stable:
        after = max(tail - (cell + SMOOTHING) / total, 0.0)
        worse_after = slowdown * after / (1 - after + slowdown * after)
        floor = max(floor, (worse - worse_after) / max(tail - after, 1e-12))
        ratios.append(floor)
        tail, worse = after, worse_after
    return (ratios[0], *(max(ratio / rho, ratios[0]) for ratio in ratios[1:]))
