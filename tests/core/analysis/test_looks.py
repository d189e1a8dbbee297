"""Pairing cumulative counters."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.looks import at, reading, sample

from chimera.core.analysis.looks import compare, merge_own, remember
from chimera.core.model import OwnLook, OwnReading, Reading, Sample, Tally

STABLE = (sample("s", 1000, 3),)
LATER = (sample("s", 1100, 4),)


def canary_of(before: tuple[Sample, ...], after: tuple[Sample, ...]) -> Tally | str:
    look = compare(reading(0, before, STABLE), reading(1, after, LATER), 5)
    return look.gap or look.canary


def test_both_arms_count_their_difference() -> None:
    look = compare(
        reading(0, (sample("c", 5, 1),), STABLE), reading(2, (sample("c", 15, 4),), LATER), 5
    )
    assert (look.canary, look.stable) == (Tally(10, 3), Tally(100, 1))
    assert (look.span.total_seconds(), look.weight, look.gap) == (2, 5, "")


def test_cumulative_buckets_become_cells() -> None:
    before = (sample("c", 10, 0, (4, 8), 10),)
    after = (sample("c", 20, 0, (5, 14), 19),)
    assert canary_of(before, after) == Tally(10, 0, (50.0, 100.0), (1, 5, 3))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([("a", 50, 2)], [("a", 7, 1)], Tally(7, 1)),
        ([("a", 50, 2)], [("a", 60, 1)], Tally(60, 1)),
        ([("a", 50, 2)], [("a", 60, 2), ("b", 5, 1)], Tally(15, 1)),
        ([("a", 50, 2), ("b", 9, 0)], [("a", 60, 2)], Tally(10, 0)),
        ([("a", 50, 2)], [("a", 60, 2), ("a", 55, 2)], Tally(10, 0)),
        ([("a", 50, 2)], [("a", 50, 4)], Tally(2, 2)),
    ],
    ids=["restart", "partial-reset", "new-instance", "gone", "reported-twice", "errors-first"],
)
def test_instances_come_go_and_restart(
    before: list[tuple[str, int, int]], after: list[tuple[str, int, int]], expected: Tally
) -> None:
    arms = tuple(sample(*each) for each in before), tuple(sample(*each) for each in after)
    assert canary_of(*arms) == expected


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ((), (sample("c", 5),), "for the first time"),
        ((sample("c", 5),), (), "not seen"),
        ((sample("c", 5, 0, (1,), 5),), (sample("c", 9, 0, (1, 2), 9),), "changed"),
        ((sample("c", 5, 0, (1, 2), 5),), (sample("c", 9, 0, (4, 3), 9),), "contradict"),
        (
            (sample("c", 0),),
            (sample("c", 1, 0, (1,), 1), sample("d", 1, 0, (1, 1), 1)),
            "different buckets",
        ),
    ],
)
def test_an_arm_that_cannot_be_compared_is_a_gap(
    before: tuple[Sample, ...], after: tuple[Sample, ...], word: str
) -> None:
    gap = canary_of(before, after)
    assert isinstance(gap, str)
    assert word in gap


def test_arms_in_different_buckets_are_a_gap() -> None:
    one, other = (sample("c", 0, 0, (0,), 0),), (sample("s", 0, 0, (0, 0), 0),)
    assert "different buckets" in compare(reading(0, one, other), reading(1, one, other), 5).gap


def test_the_first_and_a_repeated_reading_are_gaps() -> None:
    first = reading(5, (sample("c", 5),), STABLE)
    assert "baseline" in compare(None, first, 5).gap
    assert "not newer" in compare(first, first, 5).gap
    assert "not newer" in compare(first, reading(4, (sample("c", 9),), LATER), 5).gap


def test_an_arm_without_traffic_may_be_absent() -> None:
    one, two = (sample("c", 5),), (sample("c", 9),)
    assert compare(reading(0, one, ()), reading(1, two, ()), 100).gap == ""
    assert "stable version" in compare(reading(0, one, ()), reading(1, two, ()), 99).gap
    assert compare(reading(0, (), STABLE), reading(1, (), LATER), 0).gap == ""


def test_an_instance_missed_by_one_scrape_is_not_counted_anew() -> None:
    readings = [
        reading(0, (sample("a", 90), sample("b", 80)), STABLE),
        reading(1, (sample("a", 95),), STABLE),
        reading(2, (sample("a", 99), sample("b", 83)), STABLE),
    ]
    before: Reading | None = None
    seen = 0
    for each in readings:
        seen += compare(before, each, 5).canary.requests
        before = remember(before, each)
    assert seen == 9 + 3


def own(*readings: OwnReading) -> list[OwnLook]:
    """Compare readings of one own metric, a second apart, as a watch does."""
    before: Reading | None = None
    seen: list[OwnLook] = []
    for second, each in enumerate(readings):
        now = replace(reading(second, STABLE, STABLE), own=(each,))
        seen += compare(before, now, 5).own
        before = remember(before, now)
    return seen


def test_an_own_counter_that_one_query_missed_loses_nothing_and_counts_nothing_twice() -> None:
    def counted(*canary: Sample, why: str = "") -> OwnReading:
        return OwnReading("declined", canary, (sample("s", 10),), why=why)

    a, b = sample("a", 90, 9), sample("b", 80)
    seen = own(
        counted(a, b),
        counted(sample("a", 95, 9)),
        counted(why="no answer"),
        counted(sample("a", 99, 10), sample("b", 83)),
    )
    assert [one.canary.requests for one in seen] == [5, 0, 7]
    assert [one.canary.errors for one in seen] == [0, 0, 1]
    assert [one.why for one in seen] == ["", "no answer", ""]


def test_an_own_value_is_news_once_both_arms_have_a_newer_one() -> None:
    def valued(second: int, stable_second: int) -> OwnReading:
        return OwnReading(
            "load",
            value=1.0,
            stable_value=2.0,
            value_at=at(second),
            stable_value_at=at(stable_second),
        )

    seen = own(valued(0, 5), valued(15, 5), valued(15, 20), valued(15, 20), valued(30, 35))
    assert [one.value for one in seen] == [None, 1.0, None, 1.0]
    assert [one.stable_value for one in seen] == [None, 2.0, None, 2.0]


def test_own_looks_that_are_joined_keep_their_last_value_and_all_events() -> None:
    some = OwnLook("load", value=3.0)
    assert merge_own((some,), (OwnLook("load"),)) == (some,)
    assert merge_own((some,), (OwnLook("load", value=4.0),)) == (OwnLook("load", value=4.0),)
    assert merge_own((some,), (OwnLook("load", why="no answer"),)) == (some,)
    assert merge_own((), (some,)) == (some,)
    events = OwnLook("declined", Tally(5, 1), Tally(9, 0))
    assert merge_own((events,), (events,)) == (OwnLook("declined", Tally(10, 2), Tally(18, 0)),)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12),
    st.sets(st.integers(1, 11)),
)
def test_what_is_counted_is_what_happened_except_before_a_restart(
    steps: list[tuple[int, int]], restarts: set[int]
) -> None:
    good = bad = counted = lost = happened = 0
    before: Reading | None = None
    for second, (new_good, new_bad) in enumerate(steps):
        if second in restarts:
            good = bad = 0
        good, bad = good + new_good, bad + new_bad
        happened += new_good + new_bad if second else 0
        now = reading(second, (sample("c", good + bad, bad),), STABLE)
        look = compare(before, now, 5)
        if second:
            counted += look.canary.requests
            assert look.canary.errors <= look.canary.requests
            # A restart hides only if the counters had already passed their old values again.
            lost += max(0, new_good + new_bad - look.canary.requests) if second in restarts else 0
        before = now
    assert counted == happened - lost
