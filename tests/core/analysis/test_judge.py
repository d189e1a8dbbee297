"""The judge's verdicts, its words and its memory."""

import math
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from tests.support.looks import (
    ERRORS,
    ERRORS_RELATIVE,
    P95,
    P95_RELATIVE,
    at,
    comparing,
    look,
    looks,
    plan,
    tally,
)

from chimera.core.analysis.checks import checks_of
from chimera.core.analysis.findings import wealths
from chimera.core.analysis.judge import JudgeState, begin, conclude, dump, load, observe
from chimera.core.model import Judgement, Look, Tally, Verdict
from chimera.core.plan import AnalysisPlan

HEALTHY, UNHEALTHY, INCONCLUSIVE = Verdict.HEALTHY, Verdict.UNHEALTHY, Verdict.INCONCLUSIVE
FAST, SLOW = (900, 90, 9, 1, 0, 0), (200, 200, 250, 300, 50, 0)


def judged(
    analysis: AnalysisPlan, *all_looks: Look, state: JudgeState | None = None
) -> tuple[JudgeState, Judgement]:
    state = state or begin(analysis)
    for each in all_looks:
        state, judgement = observe(analysis, state, each)
    return state, judgement


@pytest.mark.parametrize(
    ("canary", "stable", "verdict"),
    [
        ((0, 0), (200, 0), INCONCLUSIVE),
        ((1, 1), (200, 0), INCONCLUSIVE),
        ((4, 4), (200, 0), UNHEALTHY),
        ((5, 3), (200, 0), UNHEALTHY),
        ((5, 3), (0, 0), UNHEALTHY),
        ((5, 2), (200, 0), INCONCLUSIVE),
        ((10, 6), (200, 100), INCONCLUSIVE),
        ((49, 0), (200, 0), INCONCLUSIVE),
        ((50, 0), (200, 0), HEALTHY),
        ((100, 1), (200, 0), HEALTHY),
        ((100, 2), (200, 0), INCONCLUSIVE),
        ((418, 41), (8000, 8), UNHEALTHY),
        ((418, 41), (8000, 800), INCONCLUSIVE),
        ((418, 200), (8000, 800), UNHEALTHY),
    ],
)
def test_error_limit(canary: tuple[int, int], stable: tuple[int, int], verdict: Verdict) -> None:
    _, judgement = judged(plan(ERRORS), look(1, tally(*canary), tally(*stable)))
    assert judgement.verdict is verdict, judgement.sentence
    assert bool(judgement.needs) is (verdict is INCONCLUSIVE)


def test_a_breach_says_its_numbers() -> None:
    bad = [look(i, tally(70, 7), tally(1330, 2)) for i in range(1, 7)]
    _, judgement = judged(plan(ERRORS), *bad)
    assert judgement.sentence == (
        "errors 10 % against 0.15 % on stable (limit 1 %), 42 of 420 requests in 6 s"
    )
    (finding,) = judgement.findings
    assert (finding.metric, finding.unit, finding.limit) == ("error_rate", "ratio", 0.01)
    assert (finding.n, finding.stable_n, finding.window) == (420, 7980, timedelta(seconds=6))
    assert finding.canary == pytest.approx(0.1)
    assert finding.evidence == "less than 1 chance in a million if the canary kept the limit"


@pytest.mark.parametrize(
    ("canary", "stable", "needs"),
    [
        (tally(41, 0), tally(900, 0), "41 of 50 requests"),
        (tally(0, 0), tally(900, 0), "0 of 50 requests"),
        (tally(200, 3), tally(900, 0), "more requests, to tell a fault from chance in errors"),
        (
            tally(400, 40),
            tally(4000, 400),
            "stable within the limit again: its errors exceed it too",
        ),
    ],
)
def test_what_is_needed_is_said(canary: Tally, stable: Tally, needs: str) -> None:
    _, judgement = judged(plan(ERRORS), look(1, canary, stable))
    assert (judgement.verdict, judgement.needs) == (INCONCLUSIVE, needs)


@pytest.mark.parametrize(
    ("cells", "stable_cells", "verdict"),
    [
        (FAST, FAST, HEALTHY),
        (SLOW, FAST, UNHEALTHY),
        (SLOW, SLOW, INCONCLUSIVE),
        ((700, 150, 80, 70, 0, 0), FAST, INCONCLUSIVE),
        ((0, 0, 0, 0, 0, 0), FAST, INCONCLUSIVE),
        ((), (), INCONCLUSIVE),
    ],
)
def test_latency_limit(
    cells: tuple[int, ...], stable_cells: tuple[int, ...], verdict: Verdict
) -> None:
    both = tally(1000, 0, cells), tally(9000, 0, stable_cells)
    _, judgement = judged(plan(P95), look(1, *both))
    assert judgement.verdict is verdict, judgement.sentence


def test_a_limit_beyond_all_buckets_is_never_taken_as_kept() -> None:
    far = replace(P95, max=5000.0)
    slow = tally(1000, 0, (0, 0, 0, 0, 0, 1000))
    _, judgement = judged(plan(far), look(1, slow, slow))
    assert judgement.verdict is INCONCLUSIVE
    assert judgement.needs == "latency buckets that reach beyond the limit"


def test_relative_limits_judge_against_stable() -> None:
    slow, fast = tally(1000, 0, SLOW), tally(9000, 0, FAST)
    analysis = plan(P95_RELATIVE)
    assert judged(analysis, look(1, fast, fast), look(2, fast, slow))[1].verdict is HEALTHY
    verdicts = judged(analysis, look(1, fast, fast), look(2, slow, fast))[1]
    assert verdicts.verdict is UNHEALTHY
    assert "50 % above stable" in verdicts.sentence
    errors = plan(ERRORS_RELATIVE)
    assert judged(errors, look(1, tally(400, 20), tally(9000, 450)))[1].verdict is HEALTHY
    assert judged(errors, look(1, tally(400, 40), tally(9000, 90)))[1].verdict is UNHEALTHY


def test_at_full_weight_stable_is_what_it_was() -> None:
    analysis = plan(ERRORS_RELATIVE)
    state, _ = judged(analysis, look(1, tally(500, 0), tally(500, 1), weight=50))
    state = begin(analysis, dump(state))
    good = look(2, tally(1000, 1), Tally(), weight=100)
    bad = look(2, tally(1000, 60), Tally(), weight=100)
    assert judged(analysis, good, state=state)[1].verdict is HEALTHY
    assert judged(analysis, bad, state=state)[1].verdict is UNHEALTHY
    _, alone = judged(analysis, good)
    assert (alone.verdict, alone.needs) == (INCONCLUSIVE, "traffic on stable to compare with")


def test_numbers_grow_old_and_gaps_say_why() -> None:
    analysis = plan(ERRORS)
    state, judgement = judged(analysis, look(1, tally(500, 0), tally(9000, 0)))
    assert judgement.verdict is HEALTHY
    gap = replace(look(2, Tally(), Tally()), gap="the canary was not seen")
    state, judgement = observe(analysis, state, gap)
    assert judgement.verdict is HEALTHY
    late = conclude(analysis, state, at(60))
    assert late.verdict is INCONCLUSIVE
    assert late.sentence == "no usable numbers for 59 s: the canary was not seen"
    assert conclude(analysis, begin(analysis), at(0)).sentence == "no numbers yet"


def test_a_new_watch_starts_a_new_window_and_keeps_the_evidence() -> None:
    analysis = plan(ERRORS)
    hint = [look(i, tally(40, 2), tally(760, 0)) for i in range(1, 3)]
    state, _ = judged(analysis, *hint)
    renewed = begin(analysis, dump(state))
    assert (renewed.canary, renewed.past_stable.requests) == (Tally(), 1520)
    assert (renewed.checks, renewed.spent) == (state.checks, state.spent)
    assert conclude(analysis, renewed, at(3)).verdict is INCONCLUSIVE
    assert begin(plan(ERRORS, P95), dump(state)).checks == ()


def test_a_fault_that_comes_late_is_found_in_its_own_stretch() -> None:
    analysis = plan(ERRORS)
    good = [look(i, tally(100, 0), tally(1900, 2)) for i in range(1, 601)]
    bad = [look(i, tally(100, 10), tally(1900, 2)) for i in range(601, 620)]
    state = begin(analysis)
    for each in good + bad:
        state, judgement = observe(analysis, state, each)
        if judgement.verdict is UNHEALTHY:
            break
    assert each.at <= at(603)
    assert judgement.sentence.startswith("errors 10 % against")


@pytest.mark.parametrize("seed", range(5))
def test_ten_percent_errors_at_ten_requests_a_second_are_found_quickly(seed: int) -> None:
    analysis = plan(ERRORS)
    state = begin(analysis)
    for each in looks(Random(seed), 60, rate=200, canary=0.1, stable=0.001):
        state, judgement = observe(analysis, state, each)
        if judgement.verdict is UNHEALTHY:
            break
    assert each.at <= at(15)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "\x00",
        "[" * 100_000,
        '{"version": 1}',
        '{"spent": 7}',
        '{"elapsed_s": NaN}',
        '{"weight": 400}',
        '{"canary": {"requests": -4}}',
        '{"canary": {"cells": [1, 2]}}',
        '{"checks": [{"since": {"n": -1}}]}',
        '{"seen_at": "2026-01-01T00:00:00"}',
    ],
)
def test_damaged_memory_is_a_fresh_state(text: str) -> None:
    assert load(text) == JudgeState()


@pytest.mark.parametrize("weight", [1, 5, 25, 50, 95])
@pytest.mark.parametrize("rate", [20, 100, 1000, 10_000])
def test_answers_that_are_missing_are_no_evidence(weight: int, rate: int) -> None:
    """A version whose first answers take seconds is not failing."""
    analysis = comparing(ERRORS)
    state = begin(analysis)
    for second in range(1, 9):
        theirs = tally(rate * (100 - weight) // 100, 0)
        state, judgement = observe(analysis, state, look(second, tally(), theirs, weight=weight))
        assert judgement.verdict is INCONCLUSIVE
    assert max(wealths(checks_of(analysis), state)) < math.log(100)
    ours = tally(max(rate * weight // 100, 1), 0)
    for second in range(9, 12):
        state, judgement = observe(analysis, state, look(second, ours, theirs, weight=weight))
        assert judgement.verdict is not UNHEALTHY
