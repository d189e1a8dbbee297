"""What holds of the judge for all looks: order, memory, false alarms, cost."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.support.looks import BOUNDS, ERRORS, P95_RELATIVE, comparing, look, looks, plan

from chimera.core.analysis.judge import begin, dump, load, observe
from chimera.core.model import Judgement, Look, Tally, Verdict
from chimera.core.plan import AnalysisPlan

SEVERITY = {Verdict.HEALTHY: 0, Verdict.INCONCLUSIVE: 1, Verdict.UNHEALTHY: 2}
cells = st.lists(st.integers(0, 40), min_size=6, max_size=6)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    counted = tuple(draw(cells))
    requests = sum(counted)
    return Tally(requests, draw(st.integers(0, requests)), BOUNDS, counted)


@st.composite
def stories(draw: st.DrawFn) -> list[Look]:
    weight = draw(st.sampled_from([5, 50, 100]))
    arms = draw(st.lists(st.tuples(tallies(), tallies()), min_size=1, max_size=6))
    return [look(i, one, other, weight=weight) for i, (one, other) in enumerate(arms, 1)]


@given(stories(), st.integers(0, 5), st.integers(1, 100))
def test_more_errors_never_help_when_compared(story: list[Look], which: int, more: int) -> None:
    which %= len(story)
    chosen = story[which]
    errors = min(chosen.canary.errors + more, chosen.canary.requests)
    worse = replace(chosen, canary=replace(chosen.canary, errors=errors))
    before = judgements(comparing(), story)
    after = judgements(comparing(), [*story[:which], worse, *story[which + 1 :]])
    for one, other in zip(before, after, strict=True):
        assert SEVERITY[other.verdict] >= SEVERITY[one.verdict]


def judgements(analysis: AnalysisPlan, story: list[Look]) -> list[Judgement]:
    state = begin(analysis)
    found = []
    for each in story:
        state, judgement = observe(analysis, state, each)
        found.append(judgement)
    return found


@given(stories(), st.integers(0, 5), st.integers(1, 100))
def test_more_errors_never_help_the_canary(story: list[Look], which: int, more: int) -> None:
    which %= len(story)
    chosen = story[which]
    errors = min(chosen.canary.errors + more, chosen.canary.requests)
    worse = replace(chosen, canary=replace(chosen.canary, errors=errors))
    before = judgements(plan(), story)
    after = judgements(plan(), [*story[:which], worse, *story[which + 1 :]])
    for one, other in zip(before, after, strict=True):
        assert SEVERITY[other.verdict] >= SEVERITY[one.verdict]


@given(stories())
def test_the_memory_survives_its_way_to_text(story: list[Look]) -> None:
    analysis = plan()
    state = resumed = begin(analysis)
    for each in story:
        state, expected = observe(analysis, state, each)
        resumed, judgement = observe(analysis, load(dump(resumed)), each)
        assert judgement == expected
        assert resumed == state
        assert len(dump(state)) < 4_000


@given(stories())
def test_every_judgement_speaks(story: list[Look]) -> None:
    for judgement in judgements(plan(), story):
        assert judgement.sentence
        assert len(judgement.findings) >= 4
        assert bool(judgement.needs) is (judgement.verdict is Verdict.INCONCLUSIVE)
        for finding in judgement.findings:
            assert finding.sentence
            assert finding.evidence
            assert "None" not in finding.sentence
            assert "nan" not in finding.sentence


def test_false_alarms_are_rare_however_often_one_looks() -> None:
    """At the very limit, 60 looks each: at most 1 % alarms, with room for chance."""
    alarms = 0
    for seed in range(40):
        story = list(looks(Random(seed), 60, rate=100, canary=0.01, stable=0.01))
        alarms += judgements(plan(ERRORS, P95_RELATIVE), story)[-1].verdict is Verdict.UNHEALTHY
    assert alarms <= 3
