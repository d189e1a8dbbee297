"""A look's failures counted as one: sound for clumps of any size, worth it where they are rare."""

import math
from dataclasses import replace
from itertools import product

import pytest
from tests.support.looks import comparing, look, tally

from chimera.core.analysis import bets
from chimera.core.analysis.checks import ask, checks_of
from chimera.core.analysis.clumps import are_rare, as_one
from chimera.core.analysis.judge import begin, observe
from chimera.core.analysis.kernel import Null, log_e, pays
from chimera.core.model import Verdict
from chimera.core.plan import AnalysisPlan

SINGLE, THREES, EIGHTS = {1: 1.0}, {3: 1.0}, {8: 1.0}
MIXED = {1: 0.6, 2: 0.2, 5: 0.15, 40: 0.05}
SIZES = (SINGLE, THREES, EIGHTS, MIXED)


def unknown() -> AnalysisPlan:
    """The plan of a first rollout."""
    return replace(comparing(), error_dispersions=(), latency_dispersions=())


def expectation(
    sizes: dict[int, float], null: Null, ratio: float, arms: tuple[int, int], cause: float
) -> float:
    """E[e] of one look, exactly: the canary's causes are as many as the null allows.

    sizes: how probable a clump of so many failures is. cause: stable's causes per request.
    """
    n, stable_n = arms
    f, h, cost = pays((1.0, ratio), n / (n + stable_n), null)
    mean = sum(size * share for size, share in sizes.items())
    ours = min(null.rho * cause + null.delta / mean, 1.0)
    some = 1 - (1 - ours) ** n
    shrunk = sum(share * h[1] ** size for size, share in sizes.items())
    stable = (h[0] * (1 - cause) + cause * shrunk) ** stable_n
    return (1 + some * (f[1] - 1)) * math.exp(-cost * n) * stable


@pytest.mark.parametrize("null", [Null(1.25, 2e-4), Null(1.1, 2e-4), Null(0.0, 0.01)], ids=str)
def test_no_clump_makes_it_pay_on_average(null: Null) -> None:
    ratios = [ratio for good, ratio in bets.ERROR_BETS if good == 1]
    arms = [(1, 19), (5, 95), (50, 950), (50, 50), (3, 1)]
    for sizes, ratio, each, cause in product(SIZES, ratios, arms, (1e-5, 1e-3, 0.01, 0.1)):
        assert expectation(sizes, null, ratio, each, cause) <= 1 + 1e-12


def test_counted_singly_a_clump_would_pay() -> None:
    """What the discount, or counting as one, is there for."""
    null, n, stable_n, cause = Null(1.25, 2e-4), 50, 950, 1e-4
    f, h, cost = pays((1.0, 40.0), n / (n + stable_n), null)
    some = 1 - (1 - 1.25 * cause) ** n
    singly = (1 + some * (f[1] ** 8 - 1)) * math.exp(-cost * n)
    assert singly * (h[0] * (1 - cause) + cause * h[1] ** 8) ** stable_n > 2


@pytest.mark.parametrize(
    ("n", "rate", "discount", "rest", "rare"),
    [
        (5, 0.01, 1.7, 1.0, True),
        (5, 0.5, 1.7, 1.0, False),
        (5, 0.01, 1.0, 1.0, False),
        (5, 7.0, 4.0, 1.0, False),
        (0, 0.5, 1.7, 1.0, True),
        (5, 0.01, 9.7, 9.0, True),
        (50, 0.01, 9.7, 9.0, False),
    ],
)
def test_it_is_chosen_where_a_second_failure_is_not_expected(
    n: int, rate: float, discount: float, rest: float, rare: bool
) -> None:
    assert are_rare(n, rate, discount, rest) is rare


def test_the_choice_does_not_depend_on_what_failed() -> None:
    plan = unknown()
    state, _ = observe(plan, begin(plan), look(1, tally(5), tally(95)))
    check = checks_of(plan)[0]
    chosen = []
    for bad in (0, 1, 5):
        question = ask(check, plan, state, look(2, tally(5, bad), tally(95, bad)))
        assert question is not None
        chosen.append([(bet.once, bet.null) for bet in question.bets])
    assert chosen[0] == chosen[1] == chosen[2]
    assert any(once for once, _ in chosen[0])
    assert not chosen[0][-1][0]  # all that fail say that all fail


def test_as_one_keeps_the_requests() -> None:
    assert as_one((5.0, 0.0)) == (5.0, 0.0)
    assert as_one((2.0, 3.0)) == (4.0, 1.0)
    null = Null(1.25, 2e-4)
    bet = pays((1.0, 12.0), 0.05, null)
    assert log_e(as_one((2.0, 3.0)), (95.0, 0.0), bet, null) == pytest.approx(
        log_e((4.0, 1.0), (95.0, 0.0), bet, null)
    )


def test_rare_failures_are_found_sooner_than_by_a_discount() -> None:
    """One failure in every fourth look of five requests, stable failing never."""
    plan = unknown()
    state, found = begin(plan), 0
    for second in range(1, 121):
        state, judgement = observe(plan, state, look(second, tally(5, second % 4 == 0), tally(95)))
        if judgement.verdict is Verdict.UNHEALTHY:
            found = second
            break
    assert 0 < found <= 20
