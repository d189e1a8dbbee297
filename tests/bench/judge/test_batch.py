"""The rule over arrays is the rule of the core, look by look."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.support.looks import at

from chimera.bench.judge.batch import BatchJudge
from chimera.bench.judge.totals import Seen
from chimera.bench.judge.world import BOUNDS_MS
from chimera.core.analysis.history import Lesson
from chimera.core.analysis.judge import begin, dump, observe
from chimera.core.model import Look, Tally, Verdict
from chimera.core.plan import AnalysisPlan

WEIGHTS = (5, 10, 25, 50, 100)
PLAN = AnalysisPlan(
    timedelta(seconds=1),
    (),
    timedelta(minutes=5),
    weights=WEIGHTS,
    warm_up=timedelta(seconds=5),
    slow_start=timedelta(seconds=5),
)


KNOWN = Lesson((1.0, 1.2, 1.5, 1.5, 2.0), (1.0, 1.0, 1.3, 1.3, 1.3), 1.1, "known")


@pytest.mark.parametrize("known", [None, KNOWN], ids=["learns", "knows"])
@pytest.mark.parametrize("rate", [20, 300])
@pytest.mark.parametrize(
    ("errors", "slow"), [(0.001, 0.03), (0.02, 0.03), (0.001, 0.1), (0.3, 0.03)]
)
def test_both_say_the_same(rate: int, errors: float, slow: float, known: Lesson | None) -> None:
    _compare(rate, errors, slow, known)


@pytest.mark.parametrize("errors", [0.0013, 0.003, 0.006, 0.02])
def test_both_reckon_alike_with_moods_of_which_nothing_is_known(errors: float) -> None:
    _compare(20_000, errors, 0.03, None)


def _compare(rate: int, errors: float, slow: float, known: Lesson | None) -> None:
    rng = np.random.default_rng(7)
    taught = known or Lesson()
    plan = replace(
        PLAN,
        error_dispersions=taught.errors,
        latency_dispersions=taught.latency,
        error_clumps=taught.error_clumps,
    )
    batch, state, weight = BatchJudge(plan, [known]), begin(plan), WEIGHTS[0]
    for second in range(1, 101):
        now = WEIGHTS[(second - 1) // 20]
        changed, weight = now != weight, now
        arms = [_arm(rng, rate * share / 100, *law) for share, law in _laws(now, errors, slow)]
        seen = Seen(second, 1, np.array([float(now)]), np.array([changed]), *_columns(arms))
        back, go = batch.look(seen)
        if changed:
            state = begin(plan, dump(state))
        look = Look(at(second), timedelta(seconds=1), now, arms[1], arms[0])
        state, judgement = observe(plan, state, look)
        assert (judgement.verdict is Verdict.UNHEALTHY) is bool(back[0]), second
        if not back[0] and arms[1].requests:
            assert (judgement.verdict is Verdict.HEALTHY) is bool(go[0]), second


def _laws(weight: int, errors: float, slow: float) -> list[tuple[int, tuple[float, float]]]:
    return [(100 - weight, (0.001, 0.03)), (weight, (errors, slow))]


def _arm(rng: np.random.Generator, mean: float, errors: float, slow: float) -> Tally:
    n = int(rng.poisson(mean))
    cells = rng.multinomial(n, [0.6, 0.4 - slow, slow * 0.9, slow * 0.1])
    return Tally(n, int(rng.binomial(n, errors)), BOUNDS_MS, tuple(int(cell) for cell in cells))


def _columns(arms: list[Tally]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (np.array([arms[0].requests]), np.array([arms[1].requests])),
        (np.array([arms[0].errors]), np.array([arms[1].errors])),
        (np.array([arms[0].cells]), np.array([arms[1].cells])),
    ]
