"""Differences in latency that nobody notices are no reason to go back, larger ones are."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.looks import comparing, look

from chimera.core.analysis.judge import begin, observe
from chimera.core.model import Tally, Verdict

BOUNDS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
STABLE = Tally(95, 0, BOUNDS, (88, 4, 2, 1, 0, 0, 0, 0))


@pytest.mark.parametrize("warm_up_s", [0, 4])
@pytest.mark.parametrize(
    ("cells", "bad"),
    [
        ((0, 5, 0, 0, 0, 0, 0, 0), False),  # twice, below 1 ms
        ((0, 0, 5, 0, 0, 0, 0, 0), False),
        ((0, 0, 0, 5, 0, 0, 0, 0), True),
        ((0, 3, 0, 0, 0, 0, 2, 0), True),  # its tail is noticed
    ],
    ids=["up to 1 ms", "up to 2 ms", "up to 3 ms", "a tail of 20 ms"],
)
def test_what_is_faster_than_2_ms_counts_as_equally_fast(
    cells: tuple[int, ...], bad: bool, warm_up_s: int
) -> None:
    plan = replace(comparing(), warm_up=timedelta(seconds=warm_up_s))
    state, canary = begin(plan), Tally(5, 0, BOUNDS, cells)
    verdicts = set()
    for second in range(1, 61):
        state, judgement = observe(plan, state, look(second, canary, STABLE))
        verdicts.add(judgement.verdict)
    assert (Verdict.UNHEALTHY in verdicts) is bad
    assert bad or judgement.verdict is Verdict.HEALTHY, judgement.sentence
