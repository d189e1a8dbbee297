"""Looks at many healthy rollouts at once, for the benchmark's arrays and for the judge itself."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tests.support.looks import at, tally

from chimera.bench.judge.batch import BatchJudge
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats, Ints
from chimera.core.analysis.history import Lesson
from chimera.core.analysis.judge import begin, observe
from chimera.core.model import Look, Verdict
from chimera.core.plan import AnalysisPlan

CELLS = 4


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the looks of one step show: requests and failures, (looks, 2, runs), stable first."""

    weight: int
    n: Ints
    failed: Ints


def draw_healthy(
    weight: int, looks: int, requests: float, errors: Floats, clump: int = 1, seed: int = 1
) -> Drawn:
    """Draw canaries as healthy as stable. requests: per look; errors: each run's rate, (runs,)."""
    rng = np.random.default_rng(seed)
    means = np.array([100 - weight, weight])[:, None] / 100 * requests
    n = rng.poisson(means, (looks, 2, len(errors)))
    if clump == 1:
        return Drawn(weight, n, rng.binomial(n, errors))
    causes = rng.poisson(means * errors / clump, n.shape)
    return Drawn(weight, n, np.minimum(clump * causes, n))


def rolled_back(plan: AnalysisPlan, drawn: Drawn, known: Lesson | None = None) -> Bools:
    """Judge every run by arrays: (runs,)."""
    looks, _, runs = drawn.n.shape
    judge, over = BatchJudge(plan, [known] * runs), np.zeros(runs, bool)
    every, idle = round(plan.interval.total_seconds()), np.zeros(runs, bool)
    untimed = (np.zeros((runs, CELLS), int),) * 2
    weight = np.full(runs, float(drawn.weight))
    for look in range(looks):
        n, failed = ((arms[look, 0], arms[look, 1]) for arms in (drawn.n, drawn.failed))
        seen = Seen((look + 1) * every, every, weight, idle, n, failed, untimed)
        over |= judge.look(seen)[0]
    return over


def rolled_back_by_the_judge(plan: AnalysisPlan, drawn: Drawn, run: int) -> bool:
    """Judge one run by the code of the core."""
    state = begin(plan)
    for look in _looks(plan, drawn, run):
        state, judgement = observe(plan, state, look)
        if judgement.verdict is Verdict.UNHEALTHY:
            return True
    return False


def _looks(plan: AnalysisPlan, drawn: Drawn, run: int) -> Iterator[Look]:
    for number, (n, failed) in enumerate(zip(drawn.n, drawn.failed, strict=True), start=1):
        stable, canary = (tally(int(n[arm, run]), int(failed[arm, run])) for arm in (0, 1))
        now = at(number * plan.interval.total_seconds())
        yield Look(now, plan.interval, drawn.weight, canary, stable)
