"""How much more two equal arms differ than chance would have it, from stable's own past.

Retried and batched failures come in clumps, and instances have moods of their own; a test that
takes each failure for an independent one would roll back too often. Evidence is divided by this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

UNKNOWN = 1.7
NOTICEABLE = 1.2
MIN_EVENTS, MIN_PAIRS = 15, 10
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
        return self.events >= MIN_EVENTS and self.pairs >= MIN_PAIRS

    @property
    def phi(self) -> float:
        """The overdispersion; while too few responses were bad, at least UNKNOWN."""
        found = correct(self.spread, self.chance, self.pairs)
        return found if self.known else max(found, UNKNOWN)


def correct(spread: float, chance: float, blocks: int) -> float:
    """Return spread over chance, raised by its own uncertainty; 1 unless clearly above 1."""
    if chance <= 0 or blocks < 2:
        return 1.0
    error = math.sqrt(2 / blocks)
    ratio = spread / chance
    return ratio * (1 + error) if ratio > 1 + CLEARLY * error else 1.0
