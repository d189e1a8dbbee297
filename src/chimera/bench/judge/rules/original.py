"""The original Chimera: the number of 5xx in the last minute against `maxFailures`."""

from __future__ import annotations

from functools import partial

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.totals import Bools, Seen


class Original:
    """Every 60 s: more than `most` failures roll back; no data counts as healthy.

    most 0: an operator's good choice, healthy full traffic's plus three standard deviations.
    """

    look_s = 60

    def __init__(self, most: int) -> None:
        self.most = most
        self.name = f"original Chimera, max {most}" if most else "original Chimera, tuned"

    def begin(self, match: Match) -> None:
        """Choose the number."""
        usual = match.scenario.rate * 60 * match.scenario.errors
        self.limit = self.most or usual + 3 * np.sqrt(usual) + 1
        self.runs = match.runs

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Compare."""
        return np.asarray(seen.failed[1] > self.limit), np.ones(self.runs, bool)


TUNED = (3, 30, 100, 300, 1000)
ENTRANTS = (
    Entrant(Role.PEER, lambda: Original(1)),
    Entrant(Role.PEER, lambda: Original(10)),
    Entrant(Role.PEER, lambda: Original(0)),
    *(Entrant(Role.TUNED, partial(Original, most)) for most in TUNED),
)
