"""How much more two equal arms differ than chance would have it, from stable's own past.

Retried and batched failures come in clumps, and instances have moods of their own; a test that
takes each failure for an independent one would roll back too often. Evidence is divided by this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = 1.7
NOTICEABLE = 1.2
BLOCKS_S = (1, 5, 15, 60)
MIN_EVENTS = 30
CLEARLY = 2.0
HEAVIEST, STRANGEST = 30.0, 16.0


@dataclass(frozen=True, slots=True)
class Spread:
    """How stable's bad responses cluster, from its own looks: each is compared with the next.

    What comes slowly (a daily load, the end of an outage) is alike in both, and clumps are not.
    spread, chance: squared differences seen, and expected of independent responses. pairs: how many
    had a bad response, `events` together. bad, n: of the look that waits for the next; n 0: none.
    """

    spread: float = 0.0
    chance: float = 0.0
    pairs: int = 0
    events: float = 0.0
    bad: float = 0.0
    n: int = 0

    def learn(self, bad: float, n: int) -> Spread:
        """Return what one more look of stable makes of it; a look without requests says nothing."""
        if not n:
            return self
        if not self.n:
            return Spread(self.spread, self.chance, self.pairs, self.events, bad, n)
        both, share = self.bad + bad, n / (self.n + n)
        if not both:
            return Spread(self.spread, self.chance, self.pairs, self.events)
        # An outage begins or ends in one pair; it must not outweigh all the others.
        weight = min(1.0, HEAVIEST / both)
        chance = both * share * (1 - share)
        spread = min((bad - both * share) ** 2, STRANGEST * chance)
        return Spread(
            self.spread + weight * spread,
            self.chance + weight * chance,
            self.pairs + 1,
            self.events + both,
        )

    @property
    def known(self) -> bool:
        """Whether enough responses were bad to tell clumps from chance."""
        return self.events >= MIN_EVENTS

    @property
    def phi(self) -> float:
        """The overdispersion; while too few responses were bad, at least UNKNOWN."""
        found = correct(self.spread, self.chance, self.pairs)
        return found if self.known else max(found, UNKNOWN)


def step_dispersion(
    at_share: Sequence[tuple[float, float]], share: float, halves: Sequence[tuple[float, float]]
) -> float:
    """Return phi for a step that gives the canary `share`, from stable's traffic split twice.

    at_share: by the step's share, which shows moods; halves: evenly, which shows clumps best where
    failures are rare. Both as in `overdispersion`.
    """
    clumps = _of_blocks(halves, 0.5, BLOCKS_S[0]) if _known(halves) else 1.0
    return max(overdispersion(at_share, share), clumps)


def overdispersion(pairs: Sequence[tuple[float, float]], share: float) -> float:
    """Return phi >= 1 from stable's traffic, split in two groups of instances.

    pairs: bad responses of (a group that gets `share` of the traffic, the others) per second,
    oldest first; half an hour is enough. share: as the step's weight will split, for moods weigh
    more the more requests an arm has. The largest over blocks of 1 to 60 s; 1 if too few failed.
    """
    if not _known(pairs) or not 0 < share < 1:
        return 1.0
    return max(_of_blocks(pairs, share, size) for size in BLOCKS_S)


def _known(pairs: Sequence[tuple[float, float]]) -> bool:
    return sum(a + b for a, b in pairs) >= MIN_EVENTS


def _of_blocks(pairs: Sequence[tuple[float, float]], share: float, size: int) -> float:
    spread = chance = 0.0
    blocks = 0
    for start in range(0, len(pairs), size):
        block = pairs[start : start + size]
        a = sum(each[0] for each in block)
        m = a + sum(each[1] for each in block)
        spread += (a - m * share) ** 2
        chance += m * share * (1 - share)
        blocks += m > 0
    return correct(spread, chance, blocks)


def correct(spread: float, chance: float, blocks: int) -> float:
    """Return spread over chance, raised by its own uncertainty; 1 unless clearly above 1."""
    if chance <= 0 or blocks < 2:
        return 1.0
    error = math.sqrt(2 / blocks)
    ratio = spread / chance
    return ratio * (1 + error) if ratio > 1 + CLEARLY * error else 1.0
