"""Requests, answers and failures from sums per period: what is missing failed, once it is sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.platforms.aws.batch import Stream
from chimera.platforms.aws.streams import ArmStreams, Points, end_of, failed

PERIOD_S = 60
ASKED, GOOD, BAD = (Stream("ns", name, ()) for name in ("requests", "good", "bad"))
ARM = ArmStreams(requests=(ASKED,), errors=(BAD,), answered=(GOOD,))


def points(*periods: tuple[float | None, float | None, float | None]) -> Points:
    """Return what was published: (requests, good, bad) of each period, None where no point is."""
    streams = (ASKED, GOOD, BAD)
    return {
        stream: {
            number * PERIOD_S: value
            for number, period in enumerate(periods)
            if (value := period[place]) is not None
        }
        for place, stream in enumerate(streams)
    }


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ([(10, 10, None)], 0),
        ([(10, 8, 2)], 2),
        ([(10, 7, 1)], 3),  # two have no answer of the target at all
        ([(10, None, None)], 10),  # it hangs up on everybody
        ([(10, 9, None), (10, 11, None)], 0),  # answered in the next period
        ([(10, 12, None)], 0),
        ([(10, 12, 1)], 1),  # the 5xx are failures whatever else is told
        ([(None, 5, None), (10, 8, None)], 2),  # what nobody asked for makes up for nothing
    ],
)
def test_a_request_without_an_answer_has_failed(
    published: list[tuple[float | None, float | None, float | None]], expected: int
) -> None:
    assert failed(ARM, points(*published), 0, 10 * PERIOD_S) == expected


def test_where_answers_are_not_counted_only_errors_are() -> None:
    arm = ArmStreams(requests=(ASKED,), errors=(BAD,))
    assert failed(arm, points((10, None, 1)), 0, PERIOD_S) == 1


@pytest.mark.parametrize(
    ("published", "now", "ends"),
    [
        ([(10, 10, None)], 60, 1),
        ([(10, 10, None)], 59, 0),  # it is not over
        ([(10, 4, None)], 60, 0),  # its answers may come yet
        ([(10, 4, None)], 600, 0),  # nothing newer was published: they still may
        ([(10, 4, None), (10, 10, None)], 120, 2),
        ([(10, 4, None), (10, None, None)], 120, 1),
        ([(10, 4, None), (10, None, None), (10, 10, None)], 180, 3),
        ([(10, 10, None), (None, None, None), (10, 9, 1)], 180, 3),
    ],
)
def test_a_reading_ends_before_what_may_still_change(
    published: list[tuple[float | None, float | None, float | None]], now: float, ends: int
) -> None:
    assert end_of(ARM, points(*published), 0, PERIOD_S, now) == ends * PERIOD_S


@given(st.lists(st.tuples(*[st.none() | st.integers(0, 50)] * 3), max_size=6), st.integers(0, 600))
def test_failures_are_never_below_the_errors_and_an_end_is_never_ahead(
    published: list[tuple[float | None, float | None, float | None]], now: int
) -> None:
    told = points(*published)
    end = end_of(ARM, told, 0, PERIOD_S, now)
    assert end % PERIOD_S == 0
    assert end <= now
    assert failed(ARM, told, 0, end) >= sum(v for t, v in told[BAD].items() if t < end)
