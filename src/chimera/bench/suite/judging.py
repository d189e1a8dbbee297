"""What one look of the judge costs, and how many rollouts one core judges each second."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np

from chimera.bench.judge.batch import BatchJudge
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario
from chimera.bench.judge.world import draw as draw_world
from chimera.bench.report import Bench, Figure, Report, quantile
from chimera.core.analysis import judge
from chimera.core.model import Look, Tally
from chimera.core.plan import AnalysisPlan, Limit

PLAN = AnalysisPlan(
    interval=timedelta(seconds=1),
    limits=(
        Limit("error_rate", max=0.01, max_increase=0.5, min_requests=20),
        Limit("latency_p95", max=300.0, max_increase=0.5, quantile=0.95),
        Limit("latency_p99", max=800.0, quantile=0.99),
    ),
    no_data_deadline=timedelta(minutes=5),
)
BOUNDS_MS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
LOOKS_OF_A_WATCH = 60
FLEET, SECONDS = 10_000, 10


async def run(bench: Bench) -> Report:
    """Judge watches of a minute at 200 requests/s, 10 % on the canary, and a fleet at once."""
    watches = bench.times(50)
    bench.say(f"{watches} watches of {LOOKS_OF_A_WATCH} looks each")
    costs = [cost for number in range(watches) for cost in judge_watch(number)]
    fleet = bench.times(FLEET, least=100)
    bench.say(f"{fleet:,} rollouts, a look each second")
    return Report(
        (
            Figure("one look of the judge, p50", quantile(costs, 0.5), "µs", 1000),
            Figure("one look of the judge, p99", quantile(costs, 0.99), "µs"),
            Figure("looks judged in batch, a second", judge_fleet(fleet), "", FLEET, at_least=True),
        ),
        (
            "times are processor time of one core: other work on the machine does not count",
            f"a look is judged by {len(PLAN.limits)} limits in pure Python, then its memory is "
            "dumped and loaded",
            f"in batch: {fleet:,} rollouts at once, comparing errors and latency with stable, by "
            "the same rule over arrays; a test holds the two together",
        ),
    )


def judge_fleet(rollouts: int) -> float:
    """Judge a look of many rollouts at once, several times; return looks a second."""
    plan = Plan((10, 100))
    totals = Totals(draw_world(Scenario("fleet", 200), plan, rollouts, SECONDS, 1))
    batch = BatchJudge(replace(PLAN, limits=(), weights=plan.weights), [None] * rollouts)
    weight, band = np.full(rollouts, 10.0), np.zeros(rollouts, int)
    costs = []
    for second in range(1, SECONDS + 1):
        seen = totals.seen(second, 1, band, weight, np.zeros(rollouts, bool))
        began = time.process_time()
        batch.look(seen)
        costs.append(time.process_time() - began)
    return rollouts / max(quantile(costs, 0.5), 1e-9)


def judge_watch(seed: int) -> list[float]:
    """Judge one watch and return what each of its looks cost, microseconds."""
    rng = Random(seed)  # noqa: S311 - a simulation, not a secret
    at = datetime(2030, 1, 1, tzinfo=UTC)
    state, costs = judge.begin(PLAN), []
    for _ in range(LOOKS_OF_A_WATCH):
        at += PLAN.interval
        look = Look(at, PLAN.interval, 10, _draw(rng, 20), _draw(rng, 180))
        began = time.process_time()
        state, _ = judge.observe(PLAN, state, look)
        state = judge.load(judge.dump(state))
        costs.append((time.process_time() - began) * 1e6)
    return costs


def _draw(rng: Random, requests: int) -> Tally:
    cells = [0] * (len(BOUNDS_MS) + 1)
    for _ in range(requests):
        latency_ms = rng.lognormvariate(4.0, 0.5)
        cells[sum(latency_ms > bound for bound in BOUNDS_MS)] += 1
    errors = sum(rng.random() < 0.002 for _ in range(requests))
    return replace(Tally(requests, errors), bounds_ms=BOUNDS_MS, cells=tuple(cells))
