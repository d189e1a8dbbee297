"""How much more than chance two equal arms differ."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from tests.support.batched import draw_healthy, rolled_back, rolled_back_by_the_judge
from tests.support.looks import comparing, look, tally

from chimera.core.analysis.dispersion import UNKNOWN, Spread
from chimera.core.analysis.history import Lesson
from chimera.core.analysis.judge import begin, dump, observe
from chimera.core.model import Verdict
from chimera.platforms.memory.draws import poisson


def spread(clump: int, mean: float, seconds: int, seed: int = 1) -> Spread:
    """Learn from stable's looks of one second, 100 requests each, failing in clumps."""
    random, known = Random(seed), Spread()
    for _ in range(seconds):
        known = known.learn(clump * poisson(random, mean / clump), 100)
    return known


def test_too_little_history_is_taken_for_clumps() -> None:
    assert Spread().phi == UNKNOWN
    assert spread(1, 0.1, 60).phi == UNKNOWN


def test_stable_shows_that_its_failures_are_independent() -> None:
    known = spread(1, 0.5, 300)
    assert known.known
    assert known.phi < UNKNOWN


@pytest.mark.parametrize("clump", [3, 5])
def test_stable_shows_its_clumps(clump: int) -> None:
    assert clump * 0.6 <= spread(clump, 0.5, 600).phi <= clump * 2


def test_one_outage_is_no_clump() -> None:
    known = spread(1, 1.0, 100)
    for bad in (*(30.0,) * 30, *(1.0,) * 100):
        known = known.learn(bad, 100)
    assert known.phi < 3


@pytest.mark.parametrize("rate", [100, 1000])
def test_failures_in_threes_do_not_condemn_a_healthy_canary(rate: int) -> None:
    """Two minutes at 5 %, and nothing is known of the service: the first rollout of all."""
    unknown = replace(comparing(), error_dispersions=(), latency_dispersions=())
    drawn = draw_healthy(5, 120, rate, np.full(300, 0.001), clump=3)
    over = rolled_back(unknown, drawn)
    assert over.sum() <= 3
    assert rolled_back_by_the_judge(unknown, drawn, 0) == over[0]
    ones = (1.0,) * len(unknown.weights)
    assert rolled_back(unknown, drawn, Lesson(ones, ones, 1.0)).sum() >= 6


def test_a_canary_that_fails_outright_is_not_spared_by_the_guess() -> None:
    unknown = replace(comparing(), error_dispersions=(), latency_dispersions=())
    _, judgement = observe(unknown, begin(unknown), look(1, tally(5, 5), tally(95, 0)))
    assert judgement.verdict is Verdict.UNHEALTHY


def test_what_was_learnt_outlives_a_restart() -> None:
    unknown = replace(comparing(), error_dispersions=(), latency_dispersions=())
    state = begin(unknown)
    for second in range(1, 200):
        state, _ = observe(unknown, state, look(second, tally(5), tally(95, 3 * (second % 9 == 0))))
    assert state.error_spread.known
    assert begin(unknown, dump(state)).error_spread == state.error_spread
