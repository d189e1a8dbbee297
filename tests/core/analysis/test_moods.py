"""Moods that one of two healthy versions has: how long and strong they are, and what they add."""

import math
from random import Random

import pytest

from chimera.core.analysis.moods import UNKNOWN_S, Difference, difference, inertia, swing


def hours(mood: float, *, bad: float = 10.0, share: float = 0.2, seed: int = 1) -> list[Difference]:
    """Half an hour of looks at two versions; each one's rate wanders by `mood` over a minute."""
    random, keep, level, looks = Random(seed), math.exp(-1 / 60), [0.0, 0.0], []
    for _ in range(1800):
        level = [keep * x + random.gauss(0, mood * math.sqrt(1 - keep**2)) for x in level]
        ours, theirs = (
            max(round(random.gauss(mean, math.sqrt(mean))), 0)
            for mean in (bad * share * math.exp(level[0]), bad * (1 - share) * math.exp(level[1]))
        )
        looks.append(difference(ours, 200, theirs, 800, 1.0))
    return looks


def test_what_is_not_known_is_assumed() -> None:
    assert inertia([], 1.0) == UNKNOWN_S
    assert inertia([[]], 1.0) == UNKNOWN_S
    assert inertia([[difference(0, 10, 1, 90, 1.0)] * 30], 1.0) == UNKNOWN_S


def test_steady_versions_have_little_inertia_and_more_to_see_leaves_less() -> None:
    one = inertia([hours(0.0)], 1.0)
    many = inertia([hours(0.0, seed=seed) for seed in range(4)], 1.0)
    assert many < one < UNKNOWN_S / 2


@pytest.mark.parametrize("mood", [0.3, 0.5])
def test_moods_are_found_with_their_length(mood: float) -> None:
    true = 2 * mood**2 * 2 * 60  # of the two arms' ratio, over the two-sided memory
    assert 0.4 * true < inertia([hours(mood, seed=seed) for seed in range(4)], 1.0) < 2.5 * true


@pytest.mark.parametrize("mood", [0.3, 0.5])
def test_a_short_rollout_meets_little_of_a_long_mood(mood: float) -> None:
    """Two arms whose moods last a minute, compared for 24 s."""
    apart = 24 / 60
    true = 2 * mood**2 * 2 * 60 * (1 + (math.exp(-apart) - 1) / apart)
    whole = [hours(mood, seed=seed) for seed in range(4)]
    short = [each[since : since + 30] for each in whole for since in range(300, 1800, 60)]
    assert 0.4 * true < inertia(short, 1.0, 24.0) < 2.5 * true
    assert inertia(short, 1.0) == UNKNOWN_S, "nobody knows what a longer one would meet"
    assert inertia([hours(mood)], 1.0, 1e9) == inertia([hours(mood)], 1.0)


def test_one_outage_that_met_the_arms_unequally_does_not_outweigh_the_rest() -> None:
    calm = hours(0.0)
    broken = [*calm[:600], *[difference(60, 200, 10, 800, 1.0)] * 30, *calm[630:]]
    assert inertia([broken], 1.0) < 4 * UNKNOWN_S


def test_clumps_are_not_moods() -> None:
    looks = [Difference(3 * look.more, 3 * look.chance, look.span_s) for look in hours(0.0)]
    assert inertia([looks], 3.0) < UNKNOWN_S / 2


def test_the_looks_may_have_any_length() -> None:
    seconds = hours(0.4)
    fives = [
        Difference(sum(x.more for x in five), sum(x.chance for x in five), 5.0)
        for five in (seconds[i : i + 5] for i in range(0, 1800, 5))
    ]
    assert inertia([fives], 1.0) == pytest.approx(inertia([seconds], 1.0), rel=0.01)


def test_an_arm_without_requests_says_nothing() -> None:
    assert difference(0, 0, 5, 100, 1.0) == Difference(0.0, 0.0, 1.0)


def test_the_swing_grows_with_failures_and_weight() -> None:
    assert swing(60, 60, 10) == pytest.approx(0.1)
    assert swing(60, 60, 50) == pytest.approx(0.5)
    assert swing(60, 0, 50) == 0
