"""How stable's failures cluster, for many runs at once: `dispersion.Spread` over arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chimera.bench.judge.totals import Bools
from chimera.bench.judge.world import Floats, Ints
from chimera.core.analysis import dispersion, moods


class Spreads:
    """One spread per run; `known` per run and step of the plan, () where it is to be learnt."""

    def __init__(self, steps: int, known: Sequence[tuple[float, ...]]) -> None:
        runs = len(known)
        self._taught = np.array([bool(phis) for phis in known], bool)
        self._known = np.array([phis or (1.0,) * steps for phis in known]).reshape(runs, steps)
        self._spread, self._chance, self._pairs, self._events = np.zeros((4, runs))
        self._bad, self._n = np.zeros((2, runs))
        self._met, self._elapsed = np.zeros(runs), 0.0

    def learn(self, bad: Floats, n: Floats, span_s: float = 0.0) -> None:
        """Take in one more look of stable: bad responses and all, (runs,) each.

        span_s: its length, where moods count.
        """
        self._met += bad
        self._elapsed += span_s
        some, waiting = n > 0, self._n > 0
        both = self._bad + bad
        paired = some & waiting
        told = paired & (both > 0)
        share = np.divide(n, self._n + n, out=np.zeros_like(n), where=paired)
        events = np.where(told, both, 1.0)
        weight = np.where(told, np.minimum(1.0, dispersion.HEAVIEST / events), 0.0)
        chance = both * share * (1 - share)
        spread = np.minimum((bad - both * share) ** 2, dispersion.STRANGEST * chance)
        self._spread += weight * spread
        self._chance += weight * chance
        self._pairs += told
        self._events += np.where(told, both, 0.0)
        opens = some & ~waiting
        keeps = ~some & waiting
        self._bad = np.where(opens, bad, np.where(keeps, self._bad, 0.0))
        self._n = np.where(opens, n, np.where(keeps, self._n, 0.0))

    def phi(self, step: Ints) -> Floats:
        """Return each run's overdispersion at its step of the plan."""
        return np.where(self._taught, self._known[np.arange(len(step)), step], self.clumps())

    def moody(self, weight: Floats) -> Floats:
        """Return what moods of which nothing is known add at a weight in percent."""
        swing = self._met / self._elapsed * weight / 100 if self._elapsed else np.zeros_like(weight)
        return np.where(self._taught, 0.0, moods.UNKNOWN_S * swing)

    @property
    def known(self) -> Bools:
        """Which runs have seen enough to tell clumps from chance."""
        enough = self._events >= dispersion.MIN_EVENTS
        return np.asarray(enough & (self._pairs >= dispersion.MIN_PAIRS))

    @property
    def guessed(self) -> Bools:
        """Which runs neither were taught nor have seen enough."""
        return np.asarray(~self._taught & ~self.known)

    def clumps(self) -> Floats:
        """Return each run's overdispersion as its own looks show it."""
        error = np.sqrt(2 / np.maximum(self._pairs, 1))
        ratio = np.divide(
            self._spread, self._chance, out=np.ones_like(error), where=self._chance > 0
        )
        clear = (self._pairs >= 2) & (ratio > 1 + dispersion.CLEARLY * error)
        found = np.where(clear, ratio * (1 + error), 1.0)
        return np.where(self.known, found, np.maximum(found, dispersion.UNKNOWN))
