"""The arithmetic of evidence: the promise that makes looking often safe, checked exactly."""

import math
from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from chimera.core.analysis import bets
from chimera.core.analysis.kernel import (
    Null,
    grow,
    log_e,
    log_wealth,
    pays,
    stake,
    traffic_share,
)


def draws(n: int, shares: Sequence[float]) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield every way n responses fall into the cells, with its probability."""
    if len(shares) == 1:
        yield (n,), 1.0
        return
    first = shares[0]
    rest = [share / (1 - first) if first < 1 else 0.0 for share in shares[1:]]
    for count in range(n + 1):
        chance = math.comb(n, count) * first**count * (1 - first) ** (n - count)
        for others, their_chance in draws(n - count, rest):
            yield (count, *others), chance * their_chance


def expectation(
    canary: Sequence[float],
    stable: Sequence[float],
    sizes: tuple[int, int],
    ratios: Sequence[float],
    null: Null,
) -> float:
    """Compute E[e] over everything that both arms can show in one look."""
    n, m = sizes
    bet = pays(ratios, n / (n + m), null)
    theirs = list(draws(m if null.rho else 0, stable))
    return sum(
        p * q * math.exp(log_e(ours, other, bet, null))
        for ours, p in draws(n, canary)
        for other, q in theirs
    )


@pytest.mark.parametrize("rho", [0.0, 1.0, 1.1, 1.5])
@pytest.mark.parametrize("ratios", [*bets.ERROR_BETS, *bets.GATE_BETS])
def test_a_bet_does_not_grow_on_average_while_the_null_holds(
    ratios: tuple[float, float], rho: float
) -> None:
    for q, delta, sizes, phi in product(
        (0.0, 0.001, 0.05, 0.4),
        (2e-4, 0.01, 0.05),
        ((1, 1), (2, 19), (12, 4), (15, 1)),
        (1.0, 2.5),
    ):
        edge = rho * q + delta
        # For a ratio below 1 the null is the other side: the canary is at least as bad as the edge.
        rates = (0.0, edge / 2, edge) if ratios[1] > 1 else (edge, min(2 * edge, 1.0))
        for p in rates:
            value = expectation((1 - p, p), (1 - q, q), sizes, ratios, Null(rho, delta, phi))
            assert value <= 1 + 1e-9


@pytest.mark.parametrize("slowdown", bets.SLOWDOWNS)
@pytest.mark.parametrize("stable", [(0.64, 0.33, 0.028, 0.002), (0.2, 0.2, 0.3, 0.3)])
@pytest.mark.parametrize("sizes", [(1, 6), (4, 3), (5, 1)])
def test_a_bet_on_latency_does_not_grow_either(
    slowdown: float, stable: tuple[float, ...], sizes: tuple[int, int]
) -> None:
    null = Null(1.1, 1e-3)
    ratios = bets.slow_ratios([500 * share for share in stable], slowdown, null.rho)
    tails = [min(null.rho * sum(stable[cell:]) + null.delta, 1.0) for cell in range(1, 4)]
    edge = [high - low for high, low in zip([1.0, *tails], [*tails, 0.0], strict=True)]
    for canary in (stable, edge):
        assert expectation(canary, stable, sizes, ratios, null) <= 1 + 1e-9


def test_a_bet_grows_when_the_canary_is_as_bad_as_bet_on() -> None:
    assert expectation((0.95, 0.05), (1, 0), (20, 1), (1.0, 5.0), Null(0.0, 0.01)) > 1.5
    assert expectation((0.6, 0.4), (0.99, 0.01), (5, 15), (1.0, 40.0), Null(1.1, 2e-4)) > 2


def test_ratios_of_latency_never_fall() -> None:
    for slowdown in bets.SLOWDOWNS:
        ratios = bets.slow_ratios((100, 0, 50, 3, 0), slowdown, 1.1)
        assert list(ratios) == sorted(ratios)


def test_cells_are_cut_where_stable_has_its_tail() -> None:
    cells = (0, 10, 400, 300, 200, 60, 20, 9, 1, 0)
    cuts = bets.coarse(cells)
    assert len(cuts) <= len(bets.TAILS)
    grouped = bets.regroup(cells, cuts)
    assert sum(grouped) == sum(cells)
    assert len(grouped) == len(cuts) + 1


def test_no_cell_is_cut_below_the_first() -> None:
    cells = (0, 10, 400, 300, 200, 60, 20, 9, 1, 0)
    all_cuts = bets.coarse(cells)
    assert bets.coarse(cells, 5) == (5, *(cut for cut in all_cuts if cut > 5))
    assert bets.coarse((990, 10, 0, 0), 2) == (2,)
    assert bets.coarse((990, 10, 0, 0), 3) == ()


@pytest.mark.parametrize(
    ("n", "stable", "weight", "past", "share"),
    [
        (50, 450, 5, (0, 0), 0.1),
        (25, 75, 5, (0, 0), 0.05),
        (1, 0, 5, (0, 0), 0.05),
        (0, 3, 50, (0, 0), 0.5),
        (0, 9, 50, (0, 0), 0.0),
        (0, 40, 5, (1, 100), 0.0),
        (3, 9, 5, (100, 1900), 0.05),
        (3, 9, 5, (500, 500), 0.5),
        (40, 0, 50, (0, 0), 0.5),
    ],
    ids=[
        "realized",
        "too-few-to-realize",
        "configured",
        "half",
        "missing",
        "missing-for-long",
        "blended",
        "plainly-otherwise",
        "no-stable",
    ],
)
def test_the_share_of_traffic(
    n: int, stable: int, weight: int, past: tuple[int, int], share: float
) -> None:
    assert traffic_share(n, stable, weight, *past) == pytest.approx(share)


def test_the_stakes_never_exceed_one() -> None:
    spent = stake(0, 1, 0, first=True, changed=False)
    for second in range(1, 5000):
        changed = second % 60 == 0
        spent += stake(second, 1, second // 60, first=False, changed=changed)
    assert 0.9 < spent < 1
    for shares in (bets.ERROR_SHARES, bets.SLOW_SHARES, bets.GATE_SHARES):
        assert sum(shares) == pytest.approx(1)


def test_wealth_starts_at_one_and_stays_without_evidence() -> None:
    nothing = (0.0,) * len(bets.ERROR_BETS)
    worth = (-math.inf,) * len(bets.ERROR_BETS)
    assert log_wealth(worth, bets.ERROR_SHARES, 1.0) == 0
    for _ in range(3):
        worth = grow(worth, 0.2, nothing)
    assert log_wealth(worth, bets.ERROR_SHARES, 0.4) == pytest.approx(0)
