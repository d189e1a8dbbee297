"""The draws follow their laws, whatever the size."""

from math import sqrt
from random import Random
from statistics import fmean, pvariance

import pytest

from chimera.platforms.memory.draws import binomial, multinomial, poisson

DRAWS = 4000


def assert_moments(drawn: list[int], mean: float, variance: float) -> None:
    assert abs(fmean(drawn) - mean) < 4.5 * sqrt(variance / DRAWS) + 1e-9
    assert abs(pvariance(drawn) - variance) < 0.15 * variance + 0.01


@pytest.mark.parametrize("mean", [0.001, 0.7, 12.0, 29.9, 30.1, 5000.0])
def test_poisson(mean: float) -> None:
    rng = Random(1)
    assert_moments([poisson(rng, mean) for _ in range(DRAWS)], mean, mean)


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.5), (20, 0.02), (20, 0.9), (1000, 0.001), (1000, 0.4), (10**7, 1e-6)]
)
def test_binomial(n: int, p: float) -> None:
    rng = Random(2)
    drawn = [binomial(rng, n, p) for _ in range(DRAWS)]
    assert all(0 <= hits <= n for hits in drawn)
    assert_moments(drawn, n * p, n * p * (1 - p))


def test_the_edges() -> None:
    rng = Random(3)
    assert [binomial(rng, 7, p) for p in (-1.0, 0.0, 1.0, 2.0)] == [0, 0, 7, 7]
    assert binomial(rng, 0, 0.5) == 0
    assert [poisson(rng, mean) for mean in (-1.0, 0.0)] == [0, 0]
    assert multinomial(rng, 0, (0.5, 0.5)) == [0, 0]
    assert multinomial(rng, 9, (1.0, 0.0)) == [9, 0]


def test_multinomial_loses_nobody_and_follows_the_shares() -> None:
    rng = Random(4)
    cells = multinomial(rng, 100_000, (0.2, 0.5, 0.0, 0.3))
    assert sum(cells) == 100_000
    for cell, share in zip(cells, (0.2, 0.5, 0.0, 0.3), strict=True):
        assert abs(cell - 100_000 * share) < 5 * sqrt(100_000 * share * (1 - share)) + 1
