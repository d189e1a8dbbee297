"""What a plan can see, before it starts."""

import math
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.looks import comparing, looks

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
from chimera.core.model import Verdict
from chimera.core.plan import Step

PLAN = comparing()
STEPS = tuple(Step(weight, timedelta(seconds=60)) for weight in PLAN.weights)


def test_busy_traffic_suffices_and_quiet_traffic_is_warned_of() -> None:
    assert advice(PLAN, STEPS, 100, 0.001) == ()
    warnings = advice(PLAN, STEPS, 1 / 6, 0.001)
    assert len(warnings) == 5
    assert warnings[0].startswith("the 5 % step needs about ")
    assert "3 h" in warnings[0]
    assert warnings[-1].startswith("the rollout pauses at 5 % after 6 min for lack of evidence; ")
    patient = replace(PLAN, no_data_deadline=timedelta(days=2))
    assert "takes about 1" in advice(patient, STEPS, 1 / 6, 0.001)[-1]
    assert "there is no traffic" in advice(PLAN, STEPS, 0, 0.001)[0]
    assert foresee(PLAN, STEPS, 0, 0.001)[0].takes == FOREVER


def test_a_step_says_what_it_sees() -> None:
    busy, quiet = foresee(PLAN, STEPS, 1000, 0.001)[0], foresee(PLAN, STEPS, 10, 0.001)[0]
    assert busy.sees is not None
    assert quiet.sees is not None
    assert busy.sees < 0.01 < quiet.sees
    assert (busy.requests, quiet.enough, busy.enough) == (3000, False, True)
    assert smallest_rise(PLAN, 5, 1, 0.001) is None


@pytest.mark.parametrize(("rise", "low", "high"), [(0.01, 300, 900), (0.05, 40, 100), (0.99, 2, 4)])
def test_how_many_requests_a_fault_needs(rise: float, low: float, high: float) -> None:
    assert low <= requests_to_find(PLAN, 5, 0.001, rise) <= high


def test_what_cannot_be_found_is_infinite() -> None:
    assert requests_to_find(PLAN, 5, 0.01, 0.0001) == math.inf
    assert cost(PLAN, STEPS, 1, 0.001, 0.0001).found_after is None


@given(st.floats(0, 0.2), st.sampled_from([5, 10, 25, 50]))
def test_more_errors_on_stable_need_more_requests(rate: float, weight: int) -> None:
    assert requests_to_advance(PLAN, weight, rate) <= requests_to_advance(PLAN, weight, rate + 0.05)


def test_the_forecast_agrees_with_the_judge() -> None:
    forecast = cost(PLAN, STEPS, 200, 0.001, 0.05)
    bad = []
    for seed in range(25):
        state, met = begin(PLAN), 0
        for each in looks(Random(seed), 60, rate=200, canary=0.051, stable=0.001):
            state, judgement = observe(PLAN, state, each)
            met += each.canary.errors
            if judgement.verdict is Verdict.UNHEALTHY:
                break
        bad.append(met)
    assert forecast.bad == pytest.approx(sum(bad) / len(bad), rel=0.6)


def test_a_wider_dispersion_needs_more() -> None:
    wide = replace(PLAN, error_dispersions=(3.0,))
    assert requests_to_advance(wide, 5, 0.001) > 2 * requests_to_advance(PLAN, 5, 0.001)
    assert wide.dispersion(50) == 3.0
