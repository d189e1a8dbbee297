"""New canaries: a slow start is no verdict, a slow version is one."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from tests.support.looks import at, comparing, draw, look

from chimera.core.analysis.judge import begin, dump, load, observe
from chimera.core.model import Judgement, Verdict
from chimera.core.plan import AnalysisPlan

FAST = replace(
    comparing(),
    latency_tolerance=1.0,
    warm_up=timedelta(seconds=4),
    slow_start=timedelta(seconds=30),
)


def judge(
    plan: AnalysisPlan, seed: int, slow_s: int, *, slowdown: float, seconds: int, rate: float
) -> list[Judgement]:
    """Judge a canary at 5 % that is slow for its first `slow_s` seconds."""
    random, state, said = Random(seed), begin(plan), []
    for second in range(1, seconds + 1):
        slow = slowdown if second <= slow_s else 1.0
        arms = draw(random, rate * 0.05, 0.0, slow), draw(random, rate * 0.95, 0.0)
        state, judgement = observe(plan, state, look(second, *arms))
        assert load(dump(state)) == state
        said.append(judgement)
    return said


@pytest.mark.parametrize("rate", [40, 200])
@pytest.mark.parametrize("slow_s", [3, 12, 25])
def test_a_cold_start_rolls_nothing_back(rate: int, slow_s: int) -> None:
    for seed in range(4):
        said = judge(FAST, seed, slow_s, slowdown=3.0, seconds=60, rate=rate)
        assert Verdict.UNHEALTHY not in {each.verdict for each in said}


def test_without_the_slow_start_it_would() -> None:
    hasty = replace(FAST, slow_start=timedelta(0))
    said = judge(hasty, 1, 25, slowdown=3.0, seconds=30, rate=200)
    assert Verdict.UNHEALTHY in {each.verdict for each in said}


def test_a_cold_canary_does_not_advance_and_says_why() -> None:
    said = judge(FAST, 2, 30, slowdown=3.0, seconds=20, rate=200)[-1]
    assert said.verdict is Verdict.INCONCLUSIVE
    assert "the canary may be warming up yet" in said.sentence
    assert "like stable's" in said.needs


def test_a_canary_that_is_slow_for_good_is_found_soon_after() -> None:
    said = judge(FAST, 3, 99, slowdown=3.0, seconds=60, rate=200)
    found = next(each for each in said if each.verdict is Verdict.UNHEALTHY)
    assert at(30) < found.at <= at(36)


def test_twice_the_latency_is_found_within_a_minute() -> None:
    strict = replace(FAST, latency_tolerance=0.25)
    for seed in range(3):
        said = judge(strict, seed, 99, slowdown=2.0, seconds=60, rate=200)
        assert Verdict.UNHEALTHY in {each.verdict for each in said}


def test_a_warm_canary_waits_for_nothing() -> None:
    """Its latency counts from the warm-up's end: what slows down later is found at once."""
    random, state = Random(5), begin(FAST)
    for second in range(1, 30):
        slow = 3.0 if second > 10 else 1.0
        arms = draw(random, 10, 0.0, slow), draw(random, 190, 0.0)
        state, judgement = observe(FAST, state, look(second, *arms))
        if judgement.verdict is Verdict.UNHEALTHY:
            break
    assert second < 20
