"""PipeCD: Mann-Whitney on the points of a minute of the last interval, whatever the effect."""

from __future__ import annotations

from collections import deque

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats

Z_95 = 1.645  # one-sided: "deviation: HIGH"


class PipeCD:
    """Error rate, or share over 250 ms, lies higher with p <= 0.05; no data passes.

    It looks at the end of each interval, over all its points: both ends belong to it.
    """

    look_s = 60

    def __init__(self, interval_min: int = 5) -> None:
        self.interval_min = interval_min
        self.name = f"PipeCD, {interval_min} min"

    def begin(self, match: Match) -> None:
        """Start without points."""
        self.points: deque[tuple[Floats, ...]] = deque(maxlen=self.interval_min + 1)
        self.minutes = 0
        self.runs = match.runs

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Add a point; judge at the end of an interval."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = [seen.failed[arm] / seen.n[arm] for arm in (0, 1)]
            slow = [seen.cells[arm][:, 2:].sum(1) / seen.n[arm] for arm in (0, 1)]
        self.points.append((*rates, *slow))
        self.minutes += 1
        high = np.zeros(self.runs, bool)
        if self.minutes % self.interval_min == 0:
            series = [np.stack(each, 1) for each in zip(*self.points, strict=True)]
            high = is_higher(series[0], series[1]) | is_higher(series[2], series[3])
        return high, np.ones(self.runs, bool)


def is_higher(stable: Floats, canary: Floats) -> Bools:
    """Return in which runs the canary's points lie higher; points: (runs, n), nan where unknown."""
    m, n = (np.isfinite(points).sum(1) for points in (stable, canary))
    above = (canary[:, :, None] > stable[:, None, :]).sum((1, 2))
    ties = (canary[:, :, None] == stable[:, None, :]).sum((1, 2))
    spread = np.sqrt(np.maximum(m * n * (m + n + 1), 1) / 12)
    return np.asarray((m * n > 0) & ((above + ties / 2 - m * n / 2 - 0.5) / spread >= Z_95))


ENTRANTS = (Entrant(Role.PEER, PipeCD), Entrant(Role.PEER, lambda: PipeCD(2)))
