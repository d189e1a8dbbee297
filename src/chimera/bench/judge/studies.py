"""Smaller questions beside the grid: arms out of step, the product's own code, the live twin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from chimera.bench.judge.arena import Outcome, Role, drive
from chimera.bench.judge.contest import play
from chimera.bench.judge.grid import FAULTS, HEALTHY
from chimera.bench.judge.live import RATE
from chimera.bench.judge.practice import USUAL_ERRORS, fault
from chimera.bench.judge.product import Product
from chimera.bench.judge.rules.catalog import entrants
from chimera.bench.judge.rules.chimera_rule import ChimeraRule, Past
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario, draw
from chimera.core.plan import AnalysisPlan, Limit
from chimera.core.spec.presets import PRESETS, Strategy

SKEW_S = 10
LAGS_S = (0, 5, 10)
RUNS = 30
TWINS = 60
LIVE_PLAN = Plan((5, 25, 50, 100), 8)
LIVE_HORIZON_S = 240


@dataclass(frozen=True, slots=True)
class Blame:
    """Healthy versions in an outage of both arms, whose numbers lie `lag_s` apart: rolled back.

    unaware: of so many `runs`, by a judge that is not told of the lag; aware: by one that is.
    """

    rate: float
    lag_s: int
    runs: int
    unaware: int
    aware: int


def blames(seed: int) -> Iterator[Blame]:
    """Let an outage hit both arms, one seemingly earlier."""
    outage = next(world for world in HEALTHY if world.outage)
    for rate in (100.0, 1000.0):
        for lag_s in LAGS_S:
            world = replace(outage, rate=rate, lag_s=lag_s)
            totals = Totals(draw(world, Plan(), RUNS, 200, seed))
            found = [
                _rolled_back(_play(world, Plan(), totals, replace(_plan(), skew=skew)))
                for skew in (timedelta(0), timedelta(seconds=SKEW_S))
            ]
            yield Blame(rate, lag_s, RUNS, *found)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The product's code and the arrays on the same traces: bad responses, and runs that differ."""

    fault: str
    rate: float
    runs: int
    product: float
    arrays: float
    differ: int


def agreements(seed: int) -> Iterator[Agreement]:
    """Judge the same traces by both."""
    chosen = {"errors +1 %", "errors +50 %", "latency x3", "late +5 %"}
    for kind in (*(world for world in FAULTS if world.name in chosen), HEALTHY[0]):
        world = replace(kind, rate=100.0)
        totals = Totals(draw(world, Plan(), RUNS, 300, seed))
        rule = ChimeraRule(1, past=Past.NONE)
        arrays = drive(rule, world, Plan(), totals, seed)
        product = drive(Product(rule.plan_for(Plan())), world, Plan(), totals, seed)
        same = np.nan_to_num(arrays.rolled_back) == np.nan_to_num(product.rolled_back)
        yield Agreement(
            world.name,
            world.rate,
            RUNS,
            float(product.excess.mean()),
            float(arrays.excess.mean()),
            int((~same).sum()),
        )


@dataclass(frozen=True, slots=True)
class Defaults:
    """The strategy `balanced` as it is shipped, which has a limit on errors too, and without it.

    Bad responses, and how many of `runs` were rolled back.
    """

    fault: str
    errors: float
    runs: int
    shipped: float
    shipped_back: int
    bare: float
    bare_back: int


def defaults(seed: int) -> Iterator[Defaults]:
    """Play the product's code with and without the limit that every strategy sets."""
    chosen = {"errors +1 %", "errors +5 %", "errors 100 %"}
    kinds = (*(fault for fault in FAULTS if fault.name in chosen), HEALTHY[0])
    rule = ChimeraRule(1, strategy=Strategy.BALANCED, past=Past.NONE)
    bare = rule.plan_for(Plan())
    preset = PRESETS[Strategy.BALANCED]
    limit = Limit("error_rate", max=preset.error_rate, min_requests=preset.min_requests)
    for kind, errors in ((kind, errors) for kind in kinds for errors in (0.0, 0.001)):
        world = replace(kind, rate=100.0, errors=errors)
        totals = Totals(draw(world, Plan(), RUNS, 420, seed))
        shipped, plain = (
            _play(world, Plan(), totals, plan) for plan in (replace(bare, limits=(limit,)), bare)
        )
        yield Defaults(
            world.name,
            errors,
            RUNS,
            float(shipped.excess.mean()),
            _rolled_back(shipped),
            float(plain.excess.mean()),
            _rolled_back(plain),
        )


OTHER_PLANS = {
    "A: 5, 10, 25, 50, 100 %": Plan(),
    "B: ten steps of 10 %": Plan(tuple(range(10, 101, 10))),
    "C: 5, 10, 25, 50, 95 %": Plan((5, 10, 25, 50, 95)),
}


@dataclass(frozen=True, slots=True)
class OtherPlan:
    """One rule under another plan: bad responses, the share rolled back."""

    plan: str
    world: str
    rule: str
    excess: float
    rolled_back: float


def other_plans(seed: int) -> Iterator[OtherPlan]:
    """Play a few worlds under each plan: 100 requests/s, stable failing 0.1 %."""
    chosen = {"errors +1 %", "errors +5 %", "errors 100 %", "latency x3"}
    kinds = [world for world in FAULTS if world.name in chosen]
    kinds += [world for world in HEALTHY if world.name in {"plain", "noise in common"}]
    competing = (*entrants(Role.OURS)[:1], *entrants(Role.PEER, Role.BOUND))
    for name, plan in OTHER_PLANS.items():
        for kind in kinds:
            for one in play(replace(kind, rate=100.0), competing, plan, TWINS, seed):
                yield OtherPlan(name, one.world, one.rule, one.excess, one.rolled_back)


@dataclass(frozen=True, slots=True)
class Twin:
    """What the simulation expects of a live fault: quantiles over those rolled back.

    decided_s, bad: seconds, and excess bad responses, at 5, 50 and 95 %.
    """

    fault: str
    runs: int
    rolled_back: int
    decided_s: tuple[float, float, float]
    bad: tuple[float, float, float]


def twin(name: str, seed: int) -> Twin:
    """Simulate what the live run does, with the product's code."""
    errors, slow = fault(f"{name}-")
    world = Scenario(name, RATE, USUAL_ERRORS, plus=errors - USUAL_ERRORS, slow=slow)
    totals = Totals(draw(world, LIVE_PLAN, TWINS, LIVE_HORIZON_S, seed))
    outcome = _play(world, LIVE_PLAN, totals, live_plan())
    back = np.isfinite(outcome.rolled_back)
    quantiles = [
        tuple(float(x) for x in np.quantile(values[back], (0.05, 0.5, 0.95)))
        if back.any()
        else (0.0, 0.0, 0.0)
        for values in (outcome.rolled_back, outcome.excess)
    ]
    (low, mid, high), (least, usual, most) = quantiles
    return Twin(name, TWINS, int(back.sum()), (low, mid, high), (least, usual, most))


def live_plan() -> AnalysisPlan:
    """Return how the strategy `fast` judges, with its limit on errors."""
    preset = PRESETS[Strategy.FAST]
    rule = ChimeraRule(1, strategy=Strategy.FAST, warm_up_s=LIVE_PLAN.bake_s // 2)
    limit = Limit("error_rate", max=preset.error_rate, min_requests=preset.min_requests)
    plan = rule.plan_for(LIVE_PLAN)
    return replace(plan, limits=(limit,), slow_start=timedelta(seconds=30))


def _plan() -> AnalysisPlan:
    return ChimeraRule(1).plan_for(Plan())


def _play(world: Scenario, plan: Plan, totals: Totals, analysis: AnalysisPlan) -> Outcome:
    return drive(Product(analysis), world, plan, totals)


def _rolled_back(outcome: Outcome) -> int:
    return int(np.isfinite(outcome.rolled_back).sum())
