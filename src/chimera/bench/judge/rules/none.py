"""No analysis: every rollout goes through."""

from __future__ import annotations

import numpy as np

from chimera.bench.judge.arena import Entrant, Match, Role
from chimera.bench.judge.totals import Bools, Seen


class NoAnalysis:
    """Never rolls back."""

    name = "no analysis"
    look_s = 60

    def begin(self, match: Match) -> None:
        """Remember how many there are."""
        self.runs = match.runs

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Go on."""
        back = np.zeros_like(seen.changed)
        return back, ~back


ENTRANTS = (Entrant(Role.BOUND, NoAnalysis),)
