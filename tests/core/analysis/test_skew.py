"""Arms whose numbers lie seconds apart."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from tests.support.looks import at, comparing, draw, look, tally

from chimera.core.analysis.judge import begin, dump, load, observe
from chimera.core.model import Look, Verdict
from chimera.core.plan import AnalysisPlan


def skewed(seconds: float) -> AnalysisPlan:
    return replace(comparing(), skew=timedelta(seconds=seconds))


def outage(seed: int, lag: int, *, rate: int = 200) -> list[Look]:
    """Draw 120 s with an outage of both arms from 50 to 80 s; the canary shows it `lag` s early."""
    random, found = Random(seed), []
    for second in range(1, 121):
        canary = 0.3 if 50 - lag <= second < 80 - lag else 0.001
        stable = 0.3 if 50 <= second < 80 else 0.001
        arms = draw(random, rate * 0.05, canary), draw(random, rate * 0.95, stable)
        found.append(look(second, *arms))
    return found


@pytest.mark.parametrize("lag", [-10, -5, -1, 1, 4, 10])
def test_an_outage_of_both_is_never_blamed_on_the_canary(lag: int) -> None:
    for seed in range(4):
        plan, state = skewed(10), begin(skewed(10))
        for each in outage(seed, lag):
            state, judgement = observe(plan, state, each)
            assert judgement.verdict is not Verdict.UNHEALTHY, judgement.sentence
            assert len(dump(state)) < 12_000
            assert load(dump(state)) == state


def test_without_the_allowance_it_would_be() -> None:
    plan, state = comparing(), begin(comparing())
    verdicts = set()
    for each in outage(1, 5):
        state, judgement = observe(plan, state, each)
        verdicts.add(judgement.verdict)
    assert Verdict.UNHEALTHY in verdicts


def test_a_bad_canary_is_found_two_skews_after_the_start() -> None:
    """One until stable is known for as long before, one until both arms are complete."""
    plan, state = skewed(10), begin(skewed(10))
    for second in range(1, 60):
        state, judgement = observe(plan, state, look(second, tally(10, 5), tally(190, 0)))
        if judgement.verdict is Verdict.UNHEALTHY:
            break
    assert at(20) < at(second) <= at(23)


def test_trouble_and_waiting_are_said() -> None:
    plan, state = skewed(5), begin(skewed(5))
    state, judgement = observe(plan, state, look(1, tally(10), tally(190)))
    assert judgement.sentence == (
        "no numbers yet: they are judged once both versions' are complete"
    )
    for second in range(2, 20):
        state, _ = observe(plan, state, look(second, tally(10), tally(190)))
    for second in range(20, 60):
        state, judgement = observe(plan, state, look(second, tally(10, 5), tally(190, 90)))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "stable is in trouble too" in judgement.sentence


@pytest.mark.parametrize("lag", [3, 6, 10])
def test_an_outage_that_stable_showed_before_the_step_is_not_blamed_on_the_canary(
    lag: int,
) -> None:
    """The watch of the next step begins while the canary's numbers still lie in the outage."""
    plan = skewed(10)
    for cut in (48, 52, 58, 78, 80, 82):
        state = begin(plan)
        for each in outage(3, -lag, rate=400):
            if each.at == at(cut):
                state = begin(plan, dump(state))
            if at(cut) <= each.at < at(cut + 2):
                continue  # the weight is shifted, and the first reading is the baseline
            state, judgement = observe(plan, state, each)
            assert judgement.verdict is not Verdict.UNHEALTHY, (cut, judgement.sentence)
