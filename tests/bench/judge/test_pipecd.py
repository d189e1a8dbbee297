"""PipeCD's rule: Mann-Whitney on a few points, as its sources define it."""

from collections.abc import Sequence

import numpy as np

from chimera.bench.judge.rules.pipecd import is_higher

RUNS = 4000


def points(low: Sequence[float], high: Sequence[float]) -> bool:
    return bool(is_higher(np.array([low]), np.array([high]))[0])


def test_identical_versions_are_condemned_about_as_often_as_the_test_allows() -> None:
    rng = np.random.default_rng(3)
    wrong = is_higher(*rng.normal(size=(2, RUNS, 5))).mean()
    assert 0.02 <= wrong <= 0.07


def test_a_clearly_worse_version_is_always_found() -> None:
    rng = np.random.default_rng(3)
    stable = rng.uniform(0.0, 0.01, (RUNS, 5))
    assert is_higher(stable, stable + 0.05).all()
    assert not is_higher(stable + 0.05, stable).any()


def test_it_asks_for_no_size_of_the_effect() -> None:
    stable = (0.010, 0.011, 0.012, 0.013, 0.014)
    assert points(stable, [rate + 0.005 for rate in stable])
    assert not points(stable, stable)
    assert not points((0.0,) * 5, (0.0,) * 5)


def test_two_points_a_side_tell_nothing() -> None:
    assert not points((0.0, 0.0), (1.0, 1.0))


def test_a_canary_without_requests_passes() -> None:
    assert not points((0.0,) * 5, (np.nan,) * 5)
