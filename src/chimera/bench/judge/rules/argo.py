"""Argo Rollouts: a failure condition per measurement; more failures than the limit abort."""

from __future__ import annotations

from functools import partial

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.rules.window import Window, over_limits
from chimera.bench.judge.totals import Bools, Seen


class Argo:
    """Success rate >= 95 % and p99 <= 500 ms over a minute; no data is an error and aborts."""

    def __init__(
        self, failure_limit: int = 0, max_errors: float = 0.05, interval_s: int = 60
    ) -> None:
        self.look_s = interval_s
        self.failure_limit = failure_limit
        self.max_errors = max_errors
        self.name = f"Argo {interval_s} s, limit {failure_limit}, errors {max_errors:g}"

    def begin(self, match: Match) -> None:
        """Start with no failure."""
        self.window = Window(60, self.look_s)
        self.failed = np.zeros(match.runs, int)

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Measure once."""
        self.window.add(seen)
        bad, empty = over_limits(self.window, self.max_errors, 0.01)
        self.failed = self.failed + bad
        return (self.failed > self.failure_limit) | empty, np.ones(len(bad), bool)


TUNED = (0.002, 0.005, 0.01, 0.02, 0.1)
ENTRANTS = (
    Entrant(Role.PEER, lambda: Argo(0)),
    Entrant(Role.PEER, lambda: Argo(3)),
    Entrant(Role.SHARPENED, lambda: Argo(0, 0.01)),
    *(Entrant(Role.TUNED, partial(Argo, 0, most, 10)) for most in TUNED),
)
