"""Kayenta: Mann-Whitney on points of ten seconds, judged each minute."""

from __future__ import annotations

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats

Z_98 = 2.326
EFFECT, ALLOWED = 0.25, 1.25


class Kayenta:
    """A metric is High if the location shift's lower bound exceeds a quarter of its estimate.

    Error rate and share over 250 ms count half each; below 75 of 100 the canary fails.
    """

    look_s = 10
    name = "Kayenta, 10 s points"

    def begin(self, match: Match) -> None:
        """Start without points."""
        self.points: list[tuple[Floats, Floats, Floats, Floats]] = []
        self.runs = match.runs

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Add a point; judge on whole minutes."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = [seen.failed[arm] / seen.n[arm] for arm in (0, 1)]
            slow = [seen.cells[arm][:, 2:].sum(1) / seen.n[arm] for arm in (0, 1)]
        self.points.append((rates[0], rates[1], slow[0], slow[1]))
        high = np.zeros(self.runs, bool)
        if len(self.points) % 6 == 0:
            series = [np.stack(each, 1) for each in zip(*self.points, strict=True)]
            high = is_high(series[0], series[1]) | is_high(series[2], series[3])
        return high, np.ones(self.runs, bool)


def is_high(stable: Floats, canary: Floats) -> Bools:
    """Return which runs' canary points lie higher; points: (runs, n), nan where unknown."""
    runs, n = stable.shape
    enough = np.isfinite(stable).all(1) & np.isfinite(canary).all(1)
    one, other = np.nan_to_num(stable), np.nan_to_num(canary)
    shifts = np.sort((other[:, :, None] - one[:, None, :]).reshape(runs, -1), 1)
    rank = n * n / 2 - Z_98 * np.sqrt(n * n * (2 * n + 1) / 12)
    lower = shifts[:, max(int(rank), 0)]
    estimate = np.median(shifts, 1)
    worse = other.mean(1) >= ALLOWED * one.mean(1)
    return np.asarray(enough & (lower > EFFECT * np.abs(estimate)) & (lower > 0) & worse)


ENTRANTS = (Entrant(Role.PEER, Kayenta),)
