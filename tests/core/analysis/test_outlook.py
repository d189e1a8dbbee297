"""What a plan can see at a traffic: from measured, given or assumed numbers to sentences."""

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.support.specs import spec_of

from chimera.core.analysis.dispersion import MIN_EVENTS
from chimera.core.analysis.outlook import (
    Basis,
    Outlook,
    assumed,
    given,
    measured,
    say_cost,
    say_step,
    say_traffic,
)
from chimera.core.model import Tally
from chimera.core.plan import RolloutPlan
from chimera.core.spec import plan_of

BALANCED = plan_of(spec_of())


def test_a_busy_service_is_told_without_warnings() -> None:
    outlook = measured(BALANCED, Tally(requests=200, errors=0), 2.0)
    assert (outlook.basis, outlook.rate, outlook.warnings) == (Basis.MEASURED, 100.0, ())
    assert say_traffic(outlook) == "Stable meets 100 requests/s now."
    assert all(step.enough for step in outlook.steps)
    assert say_step(outlook.steps[0]).startswith("300 canary requests; may end after ")
    assert "rolled back after about " in say_cost(outlook.costs[1])


def test_a_quiet_service_is_warned_with_numbers() -> None:
    outlook = given(BALANCED, 0.1)
    assert "4 h 36 min" in outlook.warnings[0]
    assert "not 1 min" in outlook.warnings[0]
    assert "pauses at 5 % after 6 min" in outlook.warnings[-1]
    assert "too few to find even a canary that always fails" in say_step(outlook.steps[0])
    assert "probably not found" in say_cost(outlook.costs[0])


def test_no_traffic_is_told_as_such() -> None:
    outlook = measured(BALANCED, Tally(), 1.0)
    assert "there is no traffic" in outlook.warnings[0]
    assert "may end never" in say_step(outlook.steps[0])


def test_what_is_only_assumed_says_why() -> None:
    outlook = assumed(BALANCED, "the metrics do not answer")
    assert say_traffic(outlook).startswith("The traffic is not known (the metrics do not answer); ")


@pytest.mark.parametrize("strategy", ["careful", "balanced", "fast"])
def test_every_strategy_keeps_its_time_at_its_usual_traffic(strategy: str) -> None:
    """The demo's 200 requests/s for the fast one, 100 for the others."""
    plan: RolloutPlan = plan_of(spec_of(f"strategy: {strategy}\n"))
    outlook: Outlook = given(plan, 200 if strategy == "fast" else 100)
    assert outlook.warnings == ()


def test_a_first_rollout_is_told_what_moods_cost() -> None:
    said = given(BALANCED, 1000).evidence
    assert f"until stable has shown {MIN_EVENTS} of them, evidence is discounted" in said
    assert re.search(
        r"up to 4 times stable's failures is discounted up to \d+ times, at [0-9]+ %", said
    )
    assert "moods" not in given(BALANCED, 1).evidence


def test_a_known_service_is_told_what_is_known() -> None:
    known: dict[str, Any] = {
        "error_dispersions": (1.5, 3.2),
        "history": "known from 3 earlier rollouts",
    }
    plan = replace(BALANCED, analysis=replace(BALANCED.analysis, **known))
    assert given(plan, 1000).evidence == (
        "Failures come in clumps or moods (known from 3 earlier rollouts):"
        " evidence is discounted up to 3.2 times."
    )
