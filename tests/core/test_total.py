"""`advance` answers every event in every state, reachable or not, and keeps its promises."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import TypeAdapter
from tests.support.rollouts import AT, MOVES, PLAN, SITUATIONS, play, situation

from chimera.core import events as e
from chimera.core.effects import AnyEffect
from chimera.core.invariants import RULES, violations
from chimera.core.model import Judgement, Resource, Verdict
from chimera.core.rollout import advance
from chimera.core.state import Phase, State

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

MOMENTS = st.timedeltas(timedelta(days=-700_000), timedelta(days=2_900_000)).map(EPOCH.__add__)
JUDGEMENTS = st.builds(Judgement, MOMENTS, st.sampled_from(Verdict), st.text(max_size=9))
RESOURCES = st.builds(Resource, st.just("process"), st.text(max_size=2), st.just("s"))
LISTS = st.lists(RESOURCES, max_size=2).map(tuple)
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "phase": st.sampled_from(Phase),
    "ending": st.none() | st.sampled_from([Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ABORTED]),
    "step": st.integers(-1, 2),
    "weight": st.integers(0, 100),
    "weight_before": st.integers(0, 100),
    "generation": st.integers(0, 4),
    "expected": st.integers(0, 100),
    "judgement": JUDGEMENTS,
    "cleanup_attempts": st.integers(0, 10**6),
    "lease_losses": st.integers(0, 10**6),
    "left": LISTS,
    "removed": LISTS,
    "at": MOMENTS,
}
FIELDS |= {name: st.text(max_size=5) for name in ("foreign", "reason", "observed", "trouble")}
FIELDS |= {
    name: st.booleans()
    for name in ("condemned", "proven", "pause_wanted", "promote_wanted", "at_gate", "hold")
}
FIELDS |= {
    f"{name}_at": st.none() | MOMENTS
    for name in ("wake", "deadline", "started", "exposed", "promoted", "ended")
}


def build(cls: Any, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    drawn = {name: FIELDS[name] for name in cls.__dataclass_fields__ if name in FIELDS}
    return st.builds(cls, **(drawn | others))


WORDS = {"expected": st.text(max_size=5)}
EVENTS = st.one_of(
    [build(cls, **(WORDS if cls is e.ForeignEdit else {})) for cls in get_args(e.AnyEvent)]
)
STATES = build(State, work=st.none() | st.one_of([build(cls) for cls in get_args(AnyEffect)]))


@given(STATES, EVENTS)
def test_any_event_in_any_state_is_answered(state: State, event: e.AnyEvent) -> None:
    after = advance(PLAN, state, event)
    assert isinstance(after.state, State)
    if after.ignored:
        assert after.state == state
    if isinstance(event, e.AnyRequest):
        assert after.answer or "internal error" in after.state.reason
    for effect in after.effects:
        assert after.state.work == effect


@pytest.mark.parametrize("where", SITUATIONS)
@pytest.mark.parametrize("event", MOVES)
def test_every_event_in_every_situation_keeps_every_promise(where: str, event: str) -> None:
    before = situation(where)
    assert violations(PLAN, before, before) == ()
    after = advance(PLAN, before, MOVES[event](before))
    assert violations(PLAN, before, after.state) == ()
    assert "internal error" not in after.state.reason + after.answer
    assert after.refused <= (after.state == before)
    if event in {"pause", "resume", "approve", "promote", "abort", "revert", "retry"}:
        assert after.answer


@pytest.mark.parametrize("where", SITUATIONS)
def test_a_state_survives_its_way_through_json(where: str) -> None:
    codec = TypeAdapter(State)
    state = situation(where)
    assert codec.validate_json(codec.dump_json(state)) == state


def test_a_time_without_a_zone_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="time zone"):
        e.Started(at=AT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time zone"):
        e.Shifted(at=AT.replace(tzinfo=None), generation=1, weight=5)


def test_a_broken_rule_before_the_commit_rolls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chimera.core.rollout.violations", lambda *_: ("the sky fell",))
    after = play("healthy", state=situation("watching"))
    assert after.phase is Phase.ROLLING_BACK
    assert after.reason == "internal error, rolled back to be safe: the sky fell"


def test_a_broken_rule_after_the_commit_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warm = situation("old version warm")
    monkeypatch.setattr("chimera.core.rollout.violations", lambda *_: ("the sky fell",))
    after = advance(PLAN, warm, MOVES["wake"](warm))
    assert after.state == warm
    assert after.answer == "internal error, nothing was done to be safe: the sky fell"


def test_every_rule_has_its_own_sentence() -> None:
    assert len({rule.broken for rule in RULES}) == len(RULES)
