"""What earlier rollouts of a simulated service taught: the product's own way, on drawn looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from chimera.bench.judge.arena import Match
from chimera.bench.judge.totals import Seen, Totals
from chimera.bench.judge.world import BOUNDS_MS, Plan, Scenario, draw
from chimera.core.analysis.history import Lesson, Past, learn
from chimera.core.model import Look, Tally

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
ROLLOUTS = 6
SERVICES = 16
SEED = 7_000_000


def lessons(match: Match) -> list[Lesson | None]:
    """Return what each run knows; the runs share the pasts of a few services, drawn at random."""
    known = _taught(_calm(match.scenario), match.plan, match.seed + SEED)
    return [known[run % len(known)] for run in range(match.runs)]


def _calm(scenario: Scenario) -> Scenario:
    """Return the same service before the fault, on ordinary days."""
    return replace(
        scenario, name="", plus=0, times=1, slow=1, onset_s=0, drift=False, outage=0, cold_start=1
    )


@lru_cache(maxsize=4)
def _taught(scenario: Scenario, plan: Plan, seed: int) -> tuple[Lesson, ...]:
    seconds = plan.bake_s * len(plan.weights)
    totals = Totals(draw(scenario, plan, ROLLOUTS * SERVICES, seconds, seed))
    bands = np.searchsorted(totals.edges, plan.weights)
    runs = totals.runs
    looks: list[list[Look]] = [[] for _ in range(runs)]
    for second in range(1, seconds + 1):
        step = min((second - 1) // plan.bake_s, len(plan.weights) - 1)
        weight = plan.weights[step]
        idle = np.zeros(runs, bool)
        seen = totals.seen(second, 1, np.full(runs, bands[step]), np.full(runs, weight * 1.0), idle)
        for run in range(runs):
            looks[run].append(look_of(seen, run, weight))
    pasts = [Past(tuple(each), fair=True) for each in looks]
    beside_s = plan.bake_s * sum(weight < 100 for weight in plan.weights)
    return tuple(
        learn(pasts[first : first + ROLLOUTS], plan.weights, beside_s)
        for first in range(0, runs, ROLLOUTS)
    )


def look_of(seen: Seen, run: int, weight: int) -> Look:
    """Return what one run showed, as the product's judge reads it."""
    stable, canary = (
        Tally(int(n[run]), int(failed[run]), BOUNDS_MS, tuple(map(int, cells[run])))
        for n, failed, cells in zip(seen.n, seen.failed, seen.cells, strict=True)
    )
    at = EPOCH + timedelta(seconds=seen.second)
    return Look(at, timedelta(seconds=seen.span), weight, canary, stable)
