"""The engine on recorded traffic: it decides as the benchmark's arrays do, look by look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.engine import Rig
from tests.support.recorded import playing

from chimera.bench.judge.arena import Match
from chimera.bench.judge.batch import BatchJudge
from chimera.bench.judge.lessons import lessons
from chimera.bench.judge.rules.chimera_rule import ChimeraRule, Past
from chimera.bench.judge.totals import Totals
from chimera.bench.judge.world import Plan, Scenario, Traces, draw
from chimera.core.analysis.history import Lesson
from chimera.core.model import Verdict
from chimera.core.plan import AnalysisPlan
from chimera.core.state import Phase

PLAN = Plan((5, 25, 50, 100), bake_s=20)
SECONDS, RUNS = 110, 3
HEALTHY, UNHEALTHY = Verdict.HEALTHY, Verdict.UNHEALTHY
WORLDS = (
    Scenario("healthy", 400.0),
    Scenario("errors +10 %", 400.0, plus=0.1),
    Scenario("errors 100 %", 100.0, plus=1.0),
    Scenario("late +5 %", 400.0, plus=0.05, onset_s=45),
    Scenario("latency x3", 400.0, slow=3.0),
    Scenario("failures by threes", 400.0, errors=0.01, batch=3),
)


def taught(plan: AnalysisPlan, lesson: Lesson | None) -> AnalysisPlan:
    """Return the plan as it is when earlier rollouts taught something."""
    if lesson is None:
        return plan
    return replace(
        plan,
        error_dispersions=lesson.errors,
        latency_dispersions=lesson.latency,
        error_clumps=lesson.error_clumps,
    )


def as_arrays_say(judge: BatchJudge, traces: Traces, run: int, shifts: list[int]) -> list[Verdict]:
    """Judge one run by the benchmark's arrays. shifts: how many seconds each shift of weight took.

    The engine watches users during a shift too, but for an alarm alone; its evidence is left out.
    """
    totals, bands = Totals(traces), np.searchsorted(traces.edges, PLAN.weights)
    said: list[Verdict] = []
    second = step = age = 0
    changed = False
    while second < totals.seconds:
        second, age = second + 1, age + 1
        every = (np.full(RUNS, bands[step]), np.full(RUNS, PLAN.weights[step] * 1.0))
        seen = totals.seen(second, 1, *every, np.full(RUNS, changed))
        back, go = (bool(each[run]) for each in judge.look(seen))
        said.append(UNHEALTHY if back else HEALTHY if go else Verdict.INCONCLUSIVE)
        changed = said[-1] is HEALTHY and age >= PLAN.bake_s
        if said[-1] is UNHEALTHY or (changed and step == len(PLAN.weights) - 1):
            break
        if changed:
            second, step, age = second + shifts[step], step + 1, 0
    return said


@pytest.mark.parametrize("past", [Past.NONE, Past.KNOWN])
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
async def test_the_engine_decides_as_the_benchmark_does(
    bare: Rig, world: Scenario, past: Past
) -> None:
    plan = ChimeraRule(1, warm_up_s=6, past=past).plan_for(PLAN)
    traces = draw(world, PLAN, RUNS, SECONDS, 17)
    known = lessons(Match(world, PLAN, RUNS, 17)) if past is Past.KNOWN else [None] * RUNS
    assert past is Past.NONE or all(lesson and lesson.error_clumps for lesson in known)
    async with playing(bare, plan, PLAN.bake_s) as player:
        for run, lesson in enumerate(known):
            player.analysis = taught(plan, lesson)
            played = await player.play(traces, run)
            said = [one.judgement.verdict for one in played.watched]
            told = as_arrays_say(BatchJudge(plan, known), traces, run, played.shifts)
            assert said[: len(told)] == told
            rolled_back = played.state.phase is Phase.ROLLED_BACK
            assert rolled_back == (told[-1] is UNHEALTHY), played.state.reason


OUTAGES = ((4, 9), (38, 41), (50, 64))


def shared_outages(lag_s: int) -> Traces:
    """A healthy canary beside three outages of what both versions depend on."""
    traces = draw(Scenario("shared", 400.0), PLAN, 1, 600, 23)
    rng = np.random.default_rng(5)
    failed = [arm.copy() for arm in traces.failed]
    for first, last in OUTAGES:
        for arm in failed:
            arm[first:last] = rng.binomial(traces.requests[first:last], 0.4)
    return replace(traces, failed=(failed[0], failed[1]))


@pytest.mark.parametrize("lag_s", [-10, -3, 0, 1, 5, 10])
async def test_outages_of_what_both_share_are_never_blamed_on_the_canary(
    bare: Rig, lag_s: int
) -> None:
    """The canary's numbers come up to 10 s before or after stable's, and the source says so."""
    rule = ChimeraRule(1, warm_up_s=6, past=Past.NONE)
    async with playing(bare, rule.plan_for(PLAN), PLAN.bake_s) as player:
        played = await player.play(shared_outages(lag_s), 0, lag_s=lag_s, declared_s=10.0)
        assert played.state.phase is Phase.SUCCEEDED, played.state.reason
        assert any("stable is in trouble" in one.judgement.sentence for one in played.looks)
