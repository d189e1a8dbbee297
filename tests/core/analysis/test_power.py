"""What a plan can see, before it starts."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.looks import comparing, look, tally

from chimera.core.analysis.course import Moment, Traffic
from chimera.core.analysis.judge import begin, observe
from chimera.core.analysis.power import (
    FOREVER,
    advice,
    cost,
    foresee,
    requests_to_advance,
    requests_to_find,
    smallest_rise,
)
from chimera.core.model import Look, Verdict
from chimera.core.plan import AnalysisPlan, OwnMetric, Step
from chimera.platforms.memory.draws import binomial, poisson

PLAN = comparing()
STEPS = tuple(Step(weight, timedelta(seconds=60)) for weight in PLAN.weights)


def test_busy_traffic_suffices_and_quiet_traffic_is_warned_of() -> None:
    assert advice(PLAN, STEPS, Traffic(100, 0.001)) == ()
    warnings = advice(PLAN, STEPS, Traffic(1 / 6, 0.001))
    assert len(warnings) == 5
    assert warnings[0].startswith("the 5 % step needs about ")
    assert "3 h" in warnings[0]
    assert warnings[-1].startswith("the rollout pauses at 5 % after 6 min for lack of evidence; ")
    patient = replace(PLAN, no_data_deadline=timedelta(days=2))
    assert "takes about 1" in advice(patient, STEPS, Traffic(1 / 6, 0.001))[-1]
    assert "there is no traffic" in advice(PLAN, STEPS, Traffic(0, 0.001))[0]
    assert foresee(PLAN, STEPS, Traffic(0, 0.001))[0].takes == FOREVER


def test_a_step_says_what_it_sees() -> None:
    busy, quiet = (foresee(PLAN, STEPS, Traffic(rate, 0.001))[0] for rate in (1000, 10))
    assert busy.sees is not None
    assert quiet.sees is not None
    assert busy.sees < 0.01 < quiet.sees
    assert (busy.requests, quiet.enough, busy.enough) == (3000, False, True)
    assert smallest_rise(PLAN, STEPS[0], Traffic(1 / 3, 0.001)) is None


@pytest.mark.parametrize(("rise", "low", "high"), [(0.01, 300, 900), (0.05, 40, 100), (0.99, 2, 5)])
def test_how_many_requests_a_fault_needs(rise: float, low: float, high: float) -> None:
    assert low <= requests_to_find(PLAN, 5, Traffic(100, 0.001), rise) <= high


def test_what_cannot_be_found_is_infinite() -> None:
    assert requests_to_find(PLAN, 5, Traffic(100, 0.01), 0.0001) == math.inf
    assert cost(PLAN, STEPS, Traffic(1, 0.001), 0.0001).found_after is None


@given(st.floats(0, 0.2), st.sampled_from([5, 10, 25, 50]))
def test_more_errors_on_stable_need_more_requests(rate: float, weight: int) -> None:
    few, many = (requests_to_advance(PLAN, weight, Traffic(100, x)) for x in (rate, rate + 0.05))
    assert few <= many


NEW = replace(PLAN, error_dispersions=())


def played(plan: AnalysisPlan, random: Random, traffic: Traffic, rise: float) -> Iterator[Look]:
    """Draw a rollout whose canary fails that much more from its start."""
    for second in range(60 * len(STEPS)):
        weight = STEPS[second // 60].weight
        arms = []
        for share, more in ((weight, rise), (100 - weight, 0.0)):
            n = poisson(random, traffic.rate * share / 100)
            arms.append(tally(n, binomial(random, n, traffic.error_rate + more)))
        yield look(second + 1, *arms, weight=weight)


def found(plan: AnalysisPlan, traffic: Traffic, rise: float, seed: int) -> float:
    """Return after how many seconds the judge finds a fault; inf if it does not."""
    state = begin(plan)
    for second, each in enumerate(played(plan, Random(seed), traffic, rise), 1):
        state, judgement = observe(plan, state, each)
        if judgement.verdict is Verdict.UNHEALTHY:
            return second
    return math.inf


@pytest.mark.parametrize("plan", [PLAN, NEW], ids=["known", "new"])
@pytest.mark.parametrize(
    ("rate", "errors", "rise"),
    [
        (10, 0.001, 0.05),
        (100, 0.001, 0.01),
        (100, 0.01, 0.05),
        (1000, 0.01, 0.05),
        (100, 0.01, 0.5),
    ],
)
def test_the_forecast_agrees_with_the_judge(
    plan: AnalysisPlan, rate: float, errors: float, rise: float
) -> None:
    """Where nothing is known of moods it takes up to ten times as long, and that is foreseen."""
    forecast = cost(plan, STEPS, Traffic(rate, errors), rise).found_after
    took = median(found(plan, Traffic(rate, errors), rise, seed) for seed in range(7))
    assert forecast is not None
    assert took / 3 <= forecast.total_seconds() <= took * 3


def test_what_moods_may_explain_is_foreseen_as_not_found() -> None:
    busy = Traffic(1000, 0.01)
    assert cost(NEW, STEPS, busy, 0.01).found_after is None
    assert found(NEW, busy, 0.01, seed=1) == math.inf
    assert cost(PLAN, STEPS, busy, 0.01).found_after is not None


@pytest.mark.parametrize("plan", [PLAN, NEW], ids=["known", "new"])
@pytest.mark.parametrize(("rate", "errors"), [(30, 0.001), (100, 0.01)])
def test_the_gate_opens_when_it_is_foreseen_to(
    plan: AnalysisPlan, rate: float, errors: float
) -> None:
    traffic = Traffic(rate, errors)
    forecast = requests_to_advance(plan, 5, traffic)
    needed = []
    for seed in range(7):
        state, met = begin(plan), 0
        for each in played(plan, Random(seed), replace(traffic, rate=rate), 0.0):
            state, _ = observe(plan, state, replace(each, weight=5))
            met += each.canary.requests
            if state.gate_passed:
                break
        needed.append(met)
    assert median(needed) / 3 <= forecast <= median(needed) * 3


def test_own_metrics_take_their_share_of_the_false_alarms() -> None:
    own = OwnMetric("declined", "prometheus", "x", total="y", max=0.1)
    traffic = Traffic(100, 0.001)
    alone, beside = (
        requests_to_find(plan, 5, traffic, 0.01) for plan in (PLAN, replace(PLAN, own=(own,)))
    )
    assert alone <= beside


def test_a_step_after_others_knows_how_failures_cluster() -> None:
    traffic = Traffic(100, 0.01)
    later = Moment().later(300, 5, traffic)
    assert requests_to_advance(NEW, 10, traffic, later) < requests_to_advance(NEW, 10, traffic)


def test_a_wider_dispersion_needs_more() -> None:
    wide = replace(PLAN, error_dispersions=(3.0,))
    traffic = Traffic(100, 0.001)
    assert requests_to_advance(wide, 5, traffic) > 2 * requests_to_advance(PLAN, 5, traffic)
    assert wide.dispersion(50) == 3.0
