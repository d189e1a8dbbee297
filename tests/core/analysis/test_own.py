"""The operator's own metrics: rates and bounded means by sound tests, the rest by plain limits."""

import math
from dataclasses import replace
from random import Random

import pytest
from tests.support.looks import comparing, look, tally

from chimera.core.analysis.judge import begin, dump, load, observe
from chimera.core.analysis.memory import OwnEvidence
from chimera.core.analysis.own import FRACTIONS, own_alpha, own_bets, own_checks
from chimera.core.analysis.ownrates import GUESS, Side, discount
from chimera.core.model import Judgement, OwnLook, Tally, Verdict
from chimera.core.plan import AnalysisPlan, OwnMetric
from chimera.platforms.memory.draws import binomial, poisson

QUERY = 'failed{version="{{revision}}"}'
RATE = OwnMetric("declined", "prometheus", QUERY, total="all", max=0.05, min_points=50)
MEAN = OwnMetric("score", "prometheus", QUERY, low=0.0, high=10.0, max=4.0)
VALUE = OwnMetric("queue", "prometheus", QUERY, max=100.0)


def plan(*own: OwnMetric) -> AnalysisPlan:
    return replace(comparing(), own=own)


def judge(its: AnalysisPlan, *values: OwnLook, requests: int = 20) -> list[Judgement]:
    state, said = begin(its), []
    for second, own in enumerate(values, 1):
        seen = look(second, tally(requests), tally(19 * requests))
        state, judgement = observe(its, state, replace(seen, own=(own,)))
        assert load(dump(state)) == state
        said.append(judgement)
    return said


def rates(bad: float, seconds: int = 60, seed: int = 1, stable: float = 0.03) -> list[OwnLook]:
    random = Random(seed)
    arms = [
        (tally(20, binomial(random, 20, bad)), tally(380, binomial(random, 380, stable)))
        for _ in range(seconds)
    ]
    return [OwnLook("declined", *both) for both in arms]


def finding(judgement: Judgement, name: str = "declined") -> str:
    return next(one.sentence for one in judgement.findings if one.metric == name)


def test_a_rate_beyond_its_limit_is_found_and_said() -> None:
    said = judge(plan(RATE), *rates(0.3))
    bad = next(each for each in said if each.verdict is Verdict.UNHEALTHY)
    assert bad.sentence.startswith("declined ")
    assert "(limit 5 %)" in bad.sentence
    assert bad.at <= said[7].at


def test_a_healthy_rate_advances_once_there_are_enough_events() -> None:
    said = judge(plan(RATE), *rates(0.02), requests=200)
    assert said[0].verdict is Verdict.INCONCLUSIVE
    assert said[-1].verdict is Verdict.HEALTHY
    short = judge(plan(replace(RATE, min_points=5000)), *rates(0.02), requests=200)[-1]
    assert "of 5,000 events of declined" in short.needs


def test_a_rate_is_compared_with_stable() -> None:
    assert judge(plan(COMPARED), *rates(0.3))[-1].verdict is Verdict.UNHEALTHY
    shared = judge(plan(COMPARED), *rates(0.3, stable=0.3), requests=200)
    assert Verdict.UNHEALTHY not in {each.verdict for each in shared}


def test_a_minimum_is_the_same_turned_round() -> None:
    paid = replace(RATE, max=None, min=0.5)
    assert judge(plan(paid), *rates(0.1))[-1].verdict is Verdict.UNHEALTHY
    assert judge(plan(paid), *rates(0.9), requests=200)[-1].verdict is Verdict.HEALTHY


def clumped(random: Random, n: int, rate: float) -> Tally:
    """Draw events of which `rate` are bad, five at a time."""
    return tally(n, min(n, 5 * poisson(random, n * rate / 5)))


COMPARED = replace(RATE, max=None, max_increase=0.5)


@pytest.mark.parametrize("metric", [RATE, COMPARED], ids=["limit", "increase"])
def test_bad_events_in_clumps_are_hardly_ever_called_bad(metric: OwnMetric) -> None:
    """Four of a hundred are bad, of five that may be, five at a time: 43 of 60 without discount."""
    alarms = 0
    for seed in range(30):
        random = Random(seed)
        arms = [(clumped(random, 20, 0.04), clumped(random, 380, 0.04)) for _ in range(90)]
        said = judge(plan(metric), *(OwnLook("declined", *both) for both in arms))
        alarms += any(each.verdict is Verdict.UNHEALTHY for each in said)
    assert alarms <= 2


@pytest.mark.parametrize("metric", [RATE, COMPARED], ids=["limit", "increase"])
def test_clumps_are_learnt_said_and_no_excuse(metric: OwnMetric) -> None:
    random = Random(1)
    arms = [(clumped(random, 60, 0.3), clumped(random, 1140, 0.04)) for _ in range(60)]
    said = judge(plan(metric), *(OwnLook("declined", *both) for both in arms))
    assert any(each.verdict is Verdict.UNHEALTHY for each in said)
    (test,) = (one.test for one in said[-1].findings if one.metric == "declined")
    assert "times as bad events may come in clumps" in test


def test_the_discount_is_carried_from_watch_to_watch() -> None:
    state, random, its = begin(plan(RATE)), Random(1), plan(RATE)
    for second in range(1, 60):
        own = OwnLook("declined", clumped(random, 60, 0.04), clumped(random, 1140, 0.04))
        state, _ = observe(its, state, replace(look(second, tally(20), tally(380)), own=(own,)))
    after = begin(its, dump(state)).own[0]
    assert discount(OwnEvidence()) == GUESS
    assert discount(after) == discount(state.own[0])
    assert 3 <= discount(after) <= 9
    assert after.stable_seen == state.own[0].stable_seen
    assert after.n == 0


def means(mean: float, number: int, seed: int, stable: float | None = None) -> list[OwnLook]:
    random = Random(seed)
    return [
        OwnLook("score", value=10 * (random.random() < mean / 10), stable_value=stable)
        for _ in range(number)
    ]


def test_a_mean_beyond_its_limit_is_found() -> None:
    said = judge(plan(MEAN), *means(9.0, 60, 1))
    assert said[-1].verdict is Verdict.UNHEALTHY
    assert "mean of" in said[-1].sentence
    assert "betting test" in said[-1].findings[0].test


def test_a_look_without_a_new_value_bets_nothing() -> None:
    once = [OwnLook("score", value=10.0), *[OwnLook("score")] * 60]
    said = judge(plan(MEAN), *once)
    assert {each.verdict for each in said} == {Verdict.INCONCLUSIVE}
    assert "mean of 1 value" in finding(said[-1], "score")


def test_a_mean_at_its_limit_is_hardly_ever_called_bad() -> None:
    alarms = 0
    for seed in range(150):
        said = judge(plan(MEAN), *means(4.0, 60, seed))
        alarms += any(each.verdict is Verdict.UNHEALTHY for each in said)
    assert alarms <= 1


@pytest.mark.parametrize("side", [Side.MAX, Side.MIN, Side.INCREASE])
@pytest.mark.parametrize("mean", [1.0, 4.0, 7.5])
def test_the_bets_on_a_mean_expect_no_gain(side: Side, mean: float) -> None:
    """Exactly: two values of the range with that mean, the limit at it."""
    metric = {
        Side.MAX: replace(MEAN, max=mean),
        Side.MIN: replace(MEAN, max=None, min=mean),
        Side.INCREASE: replace(MEAN, max=None, max_increase=0.5),
    }[side]
    (check,) = own_checks(plan(metric))
    theirs = mean / 1.5
    for low, high in ((0.0, 10.0), (mean - 0.5, mean + 2.0)):
        share = (mean - low) / (high - low)
        worth = [0.0] * len(FRACTIONS)
        for value, chance in ((high, share), (low, 1 - share)):
            seen = OwnLook("score", value=value, stable_value=theirs)
            bets = own_bets(check, seen, 0.05, OwnEvidence())
            worth = [w + chance * math.exp(b) for w, b in zip(worth, bets, strict=True)]
        assert max(worth) <= 1 + 1e-9


def test_any_other_value_has_a_plain_limit_that_says_so() -> None:
    said = judge(plan(VALUE), *(OwnLook("queue", value=v) for v in (50.0, 130.0, 131.0, 150.0)))
    assert [each.verdict for each in said[:3]] == [Verdict.INCONCLUSIVE] * 3
    assert said[-1].verdict is Verdict.UNHEALTHY
    assert said[-1].sentence == "queue 150 (limit 100), 3 values in a row; 3 decide"
    (queue,) = (one for one in said[-1].findings if one.metric == "queue")
    assert "plain limit, no statistics" in queue.test
    assert own_alpha(plan(VALUE)) == 0


def test_no_numbers_are_not_health() -> None:
    silent = [OwnLook("declined", why="prometheus does not answer")] * 30
    said = judge(plan(RATE), *silent, requests=500)[-1]
    assert said.verdict is Verdict.INCONCLUSIVE
    assert finding(said) == "declined unknown: prometheus does not answer"
    assert said.needs == "numbers of declined"
