"""How late a look is counts from its watch's start, whatever the rollout's other looks did."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.history import NOW, look

from chimera.bench.fleet import INTERVAL, lateness
from chimera.store import LookRow

ALL = (NOW, NOW + timedelta(hours=1))


def rows(*seconds: float) -> list[LookRow]:
    """Looks so many seconds after the watch's start; the first covers the time until then."""
    made = []
    for number, second in enumerate(seconds):
        record, at = look(number), NOW + timedelta(seconds=second)
        span = timedelta(seconds=second) if not number else INTERVAL
        record = replace(record, look=replace(record.look, at=at, span=span))
        made.append(LookRow(number + 1, at, "", record, ""))
    return made


@pytest.mark.parametrize(
    ("seconds", "late"),
    [
        ((5, 10, 15), [0, 0, 0]),
        ((6, 11, 16), [1, 1, 1]),  # always: no look of its own tells
        ((5, 12, 15), [0, 2, 0]),
        ((5, 9, 15), [0, 0, 0]),  # none is early
        ((5, 15, 20), [0, 5, 5]),  # one was missed, and what follows is a look behind
        ((), []),
    ],
)
def test_lateness_is_against_the_schedule(seconds: tuple[float, ...], late: list[float]) -> None:
    assert lateness(rows(*seconds), *ALL) == late


def test_only_looks_of_the_time_count_but_its_watch_began_before() -> None:
    assert lateness(rows(6, 11, 16), NOW + timedelta(seconds=10), ALL[1]) == [1, 1]
