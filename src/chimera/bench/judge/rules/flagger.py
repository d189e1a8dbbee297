"""Flagger: success rate and p99 over one minute; failed checks add up and never reset."""

from __future__ import annotations

from functools import partial

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.rules.window import Window, over_limits
from chimera.bench.judge.totals import Bools, Seen


class Flagger:
    """request-success-rate >= 99 %, request-duration p99 <= 500 ms; no data is a failed check."""

    def __init__(
        self,
        interval_s: int = 60,
        threshold: int = 1,
        max_errors: float = 0.01,
        max_slow: float = 0.01,
    ) -> None:
        self.look_s = interval_s
        self.threshold = threshold
        self.limits = max_errors, max_slow
        self.name = f"Flagger {interval_s} s, threshold {threshold}"
        if self.limits != (0.01, 0.01):
            self.name += f", errors {max_errors:.3g}, slow {max_slow:.3g}"

    def begin(self, match: Match) -> None:
        """Start with no failed check."""
        self.window = Window(60, self.look_s)
        self.failed = np.zeros(match.runs, int)

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Roll back on what former ticks found; then check."""
        back = self.failed >= self.threshold
        self.window.add(seen)
        bad, empty = over_limits(self.window, *self.limits)
        wrong = bad | empty
        self.failed = self.failed + wrong
        return back, ~wrong


TUNED = ((0.002, 0.005), (0.005, 0.003), (0.02, 0.005), (0.03, 0.02), (0.1, 0.1))
ENTRANTS = (
    Entrant(Role.PEER, lambda: Flagger(60, 1)),
    Entrant(Role.PEER, lambda: Flagger(60, 5)),
    Entrant(Role.PEER, lambda: Flagger(10, 5)),
    Entrant(Role.SHARPENED, lambda: Flagger(10, 1)),
    *(Entrant(Role.TUNED, partial(Flagger, 10, 1, *most)) for most in TUNED),
)
