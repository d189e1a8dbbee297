"""What the canary's users met: no number is invented, and what is not known is said so."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.support.stories import make_plan

from chimera.core.analysis.looks import compare, remember
from chimera.core.events import Restored
from chimera.core.exposure import BEGAN_ANEW, UNSEEN, Counted, add, count
from chimera.core.model import Look, Met, Reading, Sample, Tally
from chimera.core.results import restored
from chimera.core.state import State

AT = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def reading(second: int, *counted: tuple[str, int, int]) -> Reading:
    """Counters of the canary's instances: (source, requests, errors)."""
    return Reading(AT + second * SECOND, tuple(Sample(*one) for one in counted), ())


def test_what_was_counted_without_a_break_is_exact() -> None:
    assert count(Met(90, 4), reading(1, ("a", 100, 5))) == Counted(Met(100, 5))
    assert count(None, reading(1, ("a", 60, 0), ("b", 40, 5))) == Counted(Met(100, 5))


def test_counters_that_began_anew_do_not_hide_what_was_before() -> None:
    assert count(Met(90, 4), reading(1, ("b", 10, 0))) == Counted(Met(90, 4), BEGAN_ANEW)
    assert count(Met(90, 4), reading(1, ("b", 95, 1))) == Counted(Met(95, 4), BEGAN_ANEW)


def test_without_counters_the_looks_are_what_is_known() -> None:
    assert count(Met(90, 4), None, "no answer") == Counted(Met(90, 4), "no answer")
    assert count(Met(90, 4), reading(1)) == Counted(Met(90, 4), UNSEEN)
    assert count(None, None, "no answer") == Counted(Met(), "no answer")


def test_without_the_looks_nobody_knows_what_was_before_a_restart() -> None:
    assert count(None, reading(1, ("a", 9, 1)), "disk full") == Counted(Met(9, 1), "disk full")


def test_a_gap_adds_nothing() -> None:
    seen = Look(AT, SECOND, 5, Tally(10, 1))
    gap = Look(AT, SECOND, 5, Tally(99, 99), gap="no answer")
    assert add(add(None, seen), gap) == Met(10, 1)


@given(
    lives=st.lists(
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_no_restart_makes_it_too_much_and_none_makes_it_too_little_unsaid(
    lives: list[list[tuple[int, int]]],
) -> None:
    """Each life of the proxy counts from zero; a look follows each part of its traffic."""
    met, before, second, truth = None, None, 0, Met()
    last = reading(0)
    for number, life in enumerate(lives):
        requests = errors = 0
        for more, failed in life:
            second += 1
            requests, errors = requests + more, errors + min(failed, more)
            last = reading(second, (f"envoy-{number}", requests, errors))
            met = add(met, compare(before, last, 0))
            before = remember(before, last)
        truth = Met(truth.requests + requests, truth.errors + errors)
    counted = count(met, last)
    assert counted.met.requests <= truth.requests
    assert counted.met.errors <= truth.errors
    if len(lives) == 1:
        assert counted == Counted(truth)


def test_before_its_first_shift_no_user_can_have_met_it() -> None:
    event = Restored(at=AT, generation=1, unknown="no answer")
    for step, unknown in ((-1, ""), (0, "no answer")):
        after = restored(make_plan(), State(generation=1, step=step), event).state
        assert after.exposure.unknown == unknown
