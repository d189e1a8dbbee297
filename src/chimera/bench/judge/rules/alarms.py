"""CloudWatch alarms, as ECS and CodeDeploy watch them while they deploy."""

from __future__ import annotations

from collections import deque

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.rules.window import Window, over_limits
from chimera.bench.judge.totals import Bools, Seen

DELAY_MIN = 1


class Alarms:
    """Errors over 1 % or p99 over 500 ms in `bad` of `of` minutes; data come a minute late."""

    look_s = 60

    def __init__(self, bad: int = 1, of: int = 1) -> None:
        self.bad, self.of = bad, of
        self.name = f"alarms {bad} of {of}"

    def begin(self, match: Match) -> None:
        """Start with all alarms OK."""
        self.points: deque[Bools] = deque(maxlen=self.of + DELAY_MIN)
        self.runs = match.runs

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Evaluate the data points that have arrived."""
        window = Window(60, 60)
        window.add(seen)
        self.points.append(over_limits(window, 0.01, 0.01)[0])
        arrived = list(self.points)[:-DELAY_MIN][-self.of :]
        count = sum(arrived, np.zeros(self.runs, int))
        return np.asarray(count >= self.bad), np.ones(self.runs, bool)


ENTRANTS = (
    Entrant(Role.PEER, lambda: Alarms(1, 1)),
    Entrant(Role.PEER, lambda: Alarms(2, 3)),
)
