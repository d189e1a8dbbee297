"""What earlier rollouts teach: clumps in stable's looks, moods between two healthy versions."""

import math
from dataclasses import replace
from random import Random

import pytest
from tests.support.looks import look, tally

from chimera.core.analysis.history import Past, learn
from chimera.core.model import Look
from chimera.platforms.memory.draws import poisson

WEIGHTS = (5, 25, 100)


def rollout(*, clump: int = 1, mood: float = 0.0, rate: float = 1000, seed: int = 1) -> Past:
    """Two healthy versions at 5 and 25 %, five minutes each, 1 % failing in clumps and moods."""
    random, found = Random(seed), []
    level = [0.0, 0.0]
    for second in range(1, 601):
        weight = 5 if second <= 300 else 25
        keep = math.exp(-1 / 60)
        level = [keep * x + random.gauss(0, mood * math.sqrt(1 - keep**2)) for x in level]
        arms = []
        for share, its in ((weight, level[0]), (100 - weight, level[1])):
            n = poisson(random, rate * share / 100)
            bad = clump * poisson(random, n * 0.01 * math.exp(its) / clump)
            arms.append(tally(n, min(bad, n), (n // 2, n // 4, n // 8, 0, 0, 0)))
        found.append(look(second, *arms, weight=weight))
    return Past(tuple(found), fair=True)


def test_independent_failures_need_little_discount_once_they_are_well_known() -> None:
    once = learn([rollout()], WEIGHTS)
    assert once.words == "known from 1 earlier rollout"
    assert once.error_clumps < 1.3
    often = learn([rollout(seed=seed) for seed in range(1, 7)], WEIGHTS)
    assert often.error_clumps < 1.3
    assert max(often.errors) < 3
    assert often.errors[1] < once.errors[1]


def test_clumps_are_learnt_from_stable_even_where_the_canary_was_bad() -> None:
    unfair = replace(rollout(clump=4), fair=False)
    lesson = learn([unfair], WEIGHTS)
    assert 3 <= lesson.error_clumps <= 8
    assert min(lesson.errors) >= lesson.error_clumps


def test_moods_weigh_more_where_the_canary_has_more_traffic() -> None:
    low, high, _ = learn([rollout(mood=0.3), rollout(mood=0.3, seed=2)], WEIGHTS).errors
    assert 2 < low < high


@pytest.mark.parametrize("past", [[], [Past((), fair=True)], [rollout(rate=1.0)]])
def test_too_little_teaches_nothing(past: list[Past]) -> None:
    assert learn(past, WEIGHTS).errors == ()


def test_gaps_and_changed_buckets_do_no_harm() -> None:
    whole = rollout()
    gaps = tuple(Look(each.at, each.span, each.weight, gap="gone") for each in whole.looks[:50])
    odd = tuple(replace(each, stable=tally(9, 0)) for each in whole.looks[:50])
    assert learn([Past(gaps + odd + whole.looks, fair=True)], WEIGHTS).errors[0] >= 1


def slowly(seed: int) -> Past:
    """Half a minute of two healthy versions at 25 %, one of ten requests slow."""
    random, found = Random(seed), []
    for second in range(1, 31):
        arms = []
        for rate in (15, 45):
            n = poisson(random, rate)
            slow = sum(random.random() < 0.1 for _ in range(n))
            arms.append(tally(n, 0, (n - slow, slow // 2, slow - slow // 2, 0, 0, 0)))
        found.append(look(second, *arms, weight=25))
    return Past(tuple(found), fair=True)


def test_short_rollouts_do_not_make_the_next_one_blind_for_latency() -> None:
    """They cannot show long moods, which is no reason to assume more than a first rollout does."""
    short = [slowly(seed) for seed in range(6)]
    lesson = learn(short, WEIGHTS, horizon_s=24)
    assert 1 <= lesson.latency[1] < 5
    unfair = learn([replace(one, fair=False) for one in short], WEIGHTS, horizon_s=24)
    assert 1 <= max(unfair.latency) < 1.7
