"""Evidence over time, for curves and tables."""

import math
from dataclasses import replace
from random import Random

from tests.support.looks import comparing, look, looks, tally

from chimera.core.analysis.trace import EvidenceSeries, trace
from chimera.core.model import Look, Verdict
from chimera.core.plan import AnalysisPlan


def traced(plan: AnalysisPlan, canary: float, seconds: int = 60) -> EvidenceSeries:
    drawn = looks(Random(2), seconds, rate=200, canary=canary, stable=0.001)
    return trace(plan, [(1, each) for each in drawn])


def test_a_bad_canarys_guilt_reaches_the_goal_at_the_verdict() -> None:
    series = traced(comparing(), 0.2)
    first = next(i for i, point in enumerate(series.points) if point.guilt >= 1)
    verdicts = [point.verdict for point in series.points]
    assert verdicts.index(Verdict.UNHEALTHY) == first
    assert series.log10_goal == -math.log10(0.01)
    assert len(series.checks) == len(series.points[0].checks) == 2
    assert series.checks == ("errors compare", "p95 latency compare")


def test_a_good_one_clears_the_next_step_and_its_guilt_falls() -> None:
    points = traced(comparing(), 0.001, 120).points
    assert points[-1].clearance == 1.0
    assert points[-1].guilt < points[0].guilt + 0.01
    assert points[10].after_s == 10
    assert points[-1].checks[0] < 0


def test_gaps_watches_and_full_traffic_are_told_apart() -> None:
    gap = Look(look(1, tally(), tally()).at, look(1, tally(), tally()).span, 5, gap="gone")
    last = look(3, tally(100), tally(0), weight=100)
    series = trace(comparing(), [(1, gap), (1, look(2, tally(5), tally(95))), (2, last)])
    assert [point.gap for point in series.points] == ["gone", "", ""]
    assert series.points[0].canary is None
    assert series.points[1].clearance is not None
    assert series.points[2].clearance is None


def test_no_looks_are_no_points() -> None:
    assert trace(replace(comparing(), alpha=0.05), []).points == ()
