"""What is said of evidence: the discount that is really used, and what is still missing."""

from dataclasses import replace
from random import Random

import pytest
from tests.support.looks import comparing, look, tally

from chimera.core.analysis.judge import begin, observe
from chimera.core.model import Judgement, Verdict
from chimera.core.plan import AnalysisPlan
from chimera.platforms.memory.draws import binomial

KNOWN = comparing()
NEW = replace(KNOWN, error_dispersions=())


def after(plan: AnalysisPlan, seconds: int, *, rate: int, worse: float) -> Judgement:
    """Judge a canary at 50 % that fails `worse` times as often as stable's 1 %."""
    state, random = begin(plan), Random(1)
    for second in range(1, seconds + 1):
        half = rate // 2
        arms = [tally(half, binomial(random, half, 0.01 * times)) for times in (worse, 1)]
        state, judgement = observe(plan, state, look(second, *arms, weight=50))
    return judgement


def test_a_canary_that_unknown_moods_may_explain_is_told_as_that() -> None:
    held = after(NEW, 30, rate=1000, worse=2)
    assert held.verdict is Verdict.INCONCLUSIVE
    (errors,) = held.findings
    assert errors.evidence == "no more than versions' moods may do, which are not known yet"
    assert "times: how much such versions' moods differ is not known yet" in errors.test
    assert "more requests" in held.needs
    assert "if it fails no more than stable from now on" in held.needs


def test_where_moods_are_known_evidence_is_told_by_its_odds() -> None:
    assert after(KNOWN, 30, rate=1000, worse=2).verdict is Verdict.UNHEALTHY
    moody = replace(KNOWN, error_dispersions=(30.0,), error_clumps=1.2)
    (errors,) = after(moody, 30, rate=1000, worse=1.5).findings
    assert errors.evidence == "no more than versions' moods did in earlier rollouts"
    assert "discounted up to 30 times as versions have moods" in errors.test


@pytest.mark.parametrize("plan", [KNOWN, NEW], ids=["known", "new"])
def test_a_healthy_canary_is_nothing_unusual(plan: AnalysisPlan) -> None:
    (errors,) = after(plan, 30, rate=1000, worse=0.5).findings
    assert errors.evidence == "nothing unusual if the canary were as healthy as stable"


def test_a_quiet_service_s_discount_is_for_clumps() -> None:
    (errors,) = after(NEW, 5, rate=4, worse=0).findings
    assert "discounted up to" in errors.test
    assert "times as failures may come in clumps" in errors.test
