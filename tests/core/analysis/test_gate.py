"""Advancing: a fault that the next weight could not bear is ruled out first."""

from dataclasses import replace
from random import Random

import pytest
from tests.support.looks import at, comparing, look, looks, tally

from chimera.core.analysis import gate
from chimera.core.analysis.judge import begin, observe
from chimera.core.model import Verdict


def test_the_harm_depends_on_the_next_weight() -> None:
    plan = comparing()
    assert [gate.excess(plan, weight) for weight in (5, 10, 25, 50)] == [0.05, 0.02, 0.01, 0.005]
    assert gate.null(replace(plan, weights=()), 5) is None
    assert gate.null(plan, 100) is None
    assert gate.null(replace(plan, compare=False), 5) is None


def test_a_healthy_canary_passes_once_there_is_enough_of_it() -> None:
    plan = comparing()
    state, verdicts = begin(plan), []
    for each in looks(Random(3), 60, rate=100, canary=0.001, stable=0.001):
        state, judgement = observe(plan, state, each)
        verdicts.append(judgement.verdict)
        if judgement.verdict is Verdict.INCONCLUSIVE:
            assert "to rule out +5 % errors" in judgement.needs
    assert verdicts[0] is Verdict.INCONCLUSIVE
    assert verdicts[-1] is Verdict.HEALTHY
    assert 10 <= verdicts.index(Verdict.HEALTHY) <= 40


def test_what_is_still_needed_shrinks_to_nothing() -> None:
    plan, wanted = comparing(), []
    state = begin(plan)
    for number in range(1, 12):
        state, _ = observe(plan, state, look(number, tally(10), tally(190)))
        wanted.append(gate.requests_to_go(plan, state) or 0)
    assert wanted == sorted(wanted, reverse=True)
    assert wanted[0] > 50
    assert wanted[-1] == 0


def test_the_gate_holds_in_a_common_outage_and_opens_after_it() -> None:
    plan = comparing()
    state = begin(plan)
    for number in range(1, 31):
        state, judgement = observe(plan, state, look(number, tally(50, 15), tally(950, 285)))
        assert judgement.verdict is Verdict.INCONCLUSIVE
    for number in range(31, 61):
        state, judgement = observe(plan, state, look(number, tally(50), tally(950, 1)))
    assert judgement.verdict is Verdict.HEALTHY


@pytest.mark.parametrize("seed", range(3))
def test_a_fault_of_the_harm_budget_does_not_pass(seed: int) -> None:
    plan = comparing()
    state = begin(plan)
    for each in looks(Random(seed), 120, rate=100, canary=0.06, stable=0.001):
        state, judgement = observe(plan, state, each)
        assert judgement.verdict is not Verdict.HEALTHY
        if judgement.verdict is Verdict.UNHEALTHY:
            break
    assert each.at <= at(60)
