"""Many simulated worlds judged at once: their rollouts side by side, as one set of traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chimera.bench.judge.arena import Match, Outcome, drive
from chimera.bench.judge.batch import BatchJudge
from chimera.bench.judge.lessons import lessons
from chimera.bench.judge.rules.chimera_rule import ChimeraRule, Past
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario, Traces, draw


@dataclass(frozen=True, slots=True)
class Worlds:
    """Worlds whose rollouts stand side by side: `runs` of the first, then of the next."""

    scenarios: tuple[Scenario, ...]
    plan: Plan
    runs: int
    seed: int
    totals: Totals

    def judged(self, *, past: Past = Past.KNOWN, warm_up_s: int = 30) -> dict[str, Outcome]:
        """Let our rule drive them all, each with what its own service taught."""
        outcome = drive(
            _Side(self, past=past, warm_up_s=warm_up_s),
            self.scenarios[0],
            self.plan,
            self.totals,
            self.seed,
        )
        return self.apart(outcome)

    def apart(self, outcome: Outcome) -> dict[str, Outcome]:
        """Return each world's part, by its name."""
        names = [world.name for world in self.scenarios]
        columns = (outcome.rolled_back, outcome.promoted, outcome.excess)
        parts = [np.split(column, len(names)) for column in columns]
        return {
            name: Outcome(*each) for name, each in zip(names, zip(*parts, strict=True), strict=True)
        }


def side_by_side(
    scenarios: Sequence[Scenario], plan: Plan, runs: int, seconds: int, seed: int
) -> Worlds:
    """Draw every world and put their rollouts side by side."""
    drawn = [draw(world, plan, runs, seconds, seed) for world in scenarios]
    both = [
        tuple(np.concatenate([getattr(one, name)[arm] for one in drawn], 1) for arm in (0, 1))
        for name in ("failed", "cells")
    ]
    failed, cells = ((pair[0], pair[1]) for pair in both)
    traces = Traces(
        drawn[0].edges,
        np.concatenate([one.requests for one in drawn], 1),
        failed,
        cells,
        np.concatenate([one.excess for one in drawn], 1),
    )
    return Worlds(tuple(scenarios), plan, runs, seed, Totals(traces))


class _Side(ChimeraRule):
    """The rule, for worlds side by side."""

    def __init__(self, worlds: Worlds, *, past: Past, warm_up_s: int) -> None:
        super().__init__(1, past=past, warm_up_s=warm_up_s)
        self._worlds = worlds

    def begin(self, match: Match) -> None:
        """Learn from the earlier rollouts of each world's service."""
        its = self._worlds
        known = [
            lesson
            for world in its.scenarios
            for lesson in (
                lessons(Match(world, its.plan, its.runs, its.seed))
                if self.past is Past.KNOWN
                else [None] * its.runs
            )
        ]
        self.judge = BatchJudge(self.plan_for(match.plan), known)
