"""The clairvoyant: the likelihood ratio test that knows rates, onset and law of the fault."""

from __future__ import annotations

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats, tails

TINY = 1e-12


class Oracle:
    """Rolls back once the fault, which it knows, is 100 times likelier than health.

    warm_up_s: it too ignores latency at first, as whoever must not condemn a cold start has to.
    robust: it may not rely on stable's level, for an outage could raise that of both arms at any
    moment; it asks only to which arm each bad response went.
    """

    def __init__(self, *, warm_up_s: int = 0, robust: bool = False, alpha: float = 0.01) -> None:
        self.look_s = 1
        self.warm_up_s = warm_up_s
        self.robust = robust
        self.limit = -np.log(alpha)
        self.name = "clairvoyant" + (", robust" if robust else "")
        self.name += ", warm-up" if warm_up_s else ""

    def begin(self, match: Match) -> None:
        """Learn the world."""
        self.scenario = match.scenario
        self.runs = match.runs
        self.llr = np.zeros(match.runs)

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Add up the likelihood ratio."""
        s = self.scenario
        time = seen.second - seen.span / 2
        strength = float(np.clip((time - 60) / 180, 0, 1)) if s.drift else float(time > s.onset_s)
        if strength:
            bad = min(s.errors * (1 + (s.times - 1) * strength) + s.plus * strength, 1)
            outcomes = [
                np.stack([arm - fails, fails], -1)
                for arm, fails in zip(seen.n, seen.failed, strict=True)
            ]
            self.llr = self.llr + self._gain(outcomes, _two(bad), _two(s.errors), seen.weight)
            if s.slow > 1 and seen.second > self.warm_up_s:
                slow, usual = _cells(1 + (s.slow - 1) * strength), _cells(1.0)
                self.llr = self.llr + self._gain(list(seen.cells), slow, usual, seen.weight)
        return self.llr >= self.limit, np.ones(self.runs, bool)

    def _gain(
        self, arms: list[np.ndarray], fault: Floats, health: Floats, weight: Floats
    ) -> Floats:
        stable, canary = arms
        ratios = (fault + TINY) / (health + TINY)
        alone = canary @ np.log(ratios)
        if not self.robust:
            return np.asarray(alone)
        share = np.minimum(weight / 100, 1 - TINY)[:, None]
        both = 1 + share * (ratios - 1)
        told = (canary * np.log(ratios / both)).sum(1) - (stable * np.log(both)).sum(1)
        return np.where(weight >= 100, alone, told)


def _two(bad: float) -> Floats:
    return np.array([1 - bad, bad])


def _cells(slowdown: float) -> Floats:
    beyond = np.concatenate([[1.0], tails(slowdown), [0.0]])
    return np.asarray(beyond[:-1] - beyond[1:])


ENTRANTS = (
    Entrant(Role.BOUND, Oracle),
    Entrant(Role.BOUND, lambda: Oracle(warm_up_s=30)),
    Entrant(Role.BOUND, lambda: Oracle(warm_up_s=30, robust=True)),
)
