"""What the judge promises, on drawn traffic: thin, coarse, and broken outright."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from tests.support.batched import draw_healthy, rolled_back, rolled_back_by_the_judge
from tests.support.looks import at, comparing, tally

from chimera.core.analysis.judge import begin, observe
from chimera.core.model import Judgement, Look, Verdict
from chimera.core.plan import AnalysisPlan
from chimera.platforms.memory.draws import binomial, poisson

MINUTE = timedelta(minutes=1)
UNKNOWN = replace(comparing(), error_dispersions=(), latency_dispersions=())


def judge(
    plan: AnalysisPlan, seed: int, looks: int, *, rate: float, canary: float, stable: float
) -> Iterator[tuple[Look, Judgement]]:
    """Judge looks of the plan's interval at 5 %. rate: requests/s; the rest: error rates."""
    random, state, every = Random(seed), begin(plan), plan.interval.total_seconds()
    for number in range(1, looks + 1):
        n, other = (poisson(random, rate * share * every) for share in (0.05, 0.95))
        ours, theirs = (
            tally(n, binomial(random, n, canary)),
            tally(other, binomial(random, other, stable)),
        )
        seen = Look(at(number * every), plan.interval, 5, ours, theirs)
        state, judgement = observe(plan, state, seen)
        yield seen, judgement
        if judgement.verdict is Verdict.UNHEALTHY:
            return


def test_ten_requests_a_minute_throw_no_healthy_version_away() -> None:
    """Two hours at a look every 30 s: at most 1 %, by the 95 % interval's upper end."""
    plan = replace(UNKNOWN, interval=timedelta(seconds=30))
    usual = (0.0, 0.001, 0.01, 0.05)
    drawn = draw_healthy(5, 240, 5.0, np.repeat(usual, 500))
    over = rolled_back(plan, drawn)
    assert over.sum() <= 10
    for alarms in over.reshape(len(usual), 500).sum(1):
        assert alarms <= 4
    for run in (*range(250, 2000, 500), *np.flatnonzero(over)[:2]):
        assert rolled_back_by_the_judge(plan, drawn, int(run)) == over[run]


@pytest.mark.parametrize("rate", [5, 20, 50, 100])
def test_a_broken_canary_costs_at_most_six_answers(rate: int) -> None:
    bad = [
        sum(look.canary.errors for look, _ in judge(
            UNKNOWN, seed, 300, rate=rate, canary=1.0, stable=0.001
        ))
        for seed in range(100)
    ]  # fmt: skip
    assert sum(bad) / len(bad) <= 6


def test_points_of_a_minute_take_the_same_test() -> None:
    coarse = replace(UNKNOWN, interval=MINUTE)
    for seed in range(15):
        *_, (look, last) = judge(coarse, seed, 30, rate=50, canary=0.05, stable=0.001)
        assert last.verdict is Verdict.UNHEALTHY
        assert look.at <= at(240)
    alarms = 0
    for seed in range(60):
        *_, (_, last) = judge(coarse, seed, 20, rate=50, canary=0.001, stable=0.001)
        alarms += last.verdict is Verdict.UNHEALTHY
    assert alarms <= 1
