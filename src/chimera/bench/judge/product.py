"""The product's own judge, look by look in pure Python, as a rule of the benchmark."""

from __future__ import annotations

import numpy as np

from chimera.bench.judge.arena import Match
from chimera.bench.judge.lessons import look_of
from chimera.bench.judge.totals import Bools, Seen
from chimera.core.analysis.judge import begin, dump, observe
from chimera.core.model import Verdict
from chimera.core.plan import AnalysisPlan


class Product:
    """Judges every run by `begin`, `observe` and `dump`, as the engine does."""

    name = "chimera, product's code"

    def __init__(self, plan: AnalysisPlan) -> None:
        self.plan = plan
        self.look_s = round(plan.interval.total_seconds())

    def begin(self, match: Match) -> None:
        """Begin a watch per run."""
        self.states = [begin(self.plan) for _ in range(match.runs)]
        self.over = np.zeros(match.runs, bool)

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Show each run its look, unless it was rolled back before."""
        back, go = np.zeros_like(self.over), np.zeros_like(self.over)
        for run in np.flatnonzero(~self.over):
            if seen.changed[run]:
                self.states[run] = begin(self.plan, dump(self.states[run]))
            look = look_of(seen, int(run), int(seen.weight[run]))
            self.states[run], judgement = observe(self.plan, self.states[run], look)
            back[run] = judgement.verdict is Verdict.UNHEALTHY
            go[run] = judgement.verdict is Verdict.HEALTHY
        self.over |= back
        return back, go
