"""Every value of the core survives the way into text and back."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.history import rollout

from chimera.core.errors import LedgerError
from chimera.core.events import AnyEvent, Shifted
from chimera.core.model import Finding, Judgement, Resource, Tally
from chimera.core.plan import Rollout
from chimera.core.state import State
from chimera.store import codec

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(timedelta, st.timedeltas(timedelta(0), timedelta(days=400)))
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(str, TEXT)
st.register_type_strategy(Mapping, st.dictionaries(TEXT, JSON, max_size=3))
WEIGHTS = {"weight": st.integers(0, 100)}
st.register_type_strategy(Shifted, st.builds(Shifted, **WEIGHTS))
st.register_type_strategy(Tally, st.just(Tally(10, 1, (1.0, math.inf), (3, 4, 5))))


@given(st.from_type(State))
def test_states(state: State) -> None:
    assert codec.STATE.decode(codec.STATE.encode(state)) == state


@given(st.sampled_from(AnyEvent.__args__).flatmap(st.from_type))
def test_events(event: AnyEvent) -> None:
    assert codec.EVENT.decode(codec.EVENT.encode(event)) == event


@given(st.from_type(Judgement))
def test_judgements(judgement: Judgement) -> None:
    assert codec.JUDGEMENT.decode(codec.JUDGEMENT.encode(judgement)) == judgement


@given(TEXT, st.lists(TEXT), st.dictionaries(TEXT, JSON))
def test_rollouts(spec: str, labels: list[str], settings: dict[str, Any]) -> None:
    whole: Rollout = rollout(spec=spec, labels=tuple(labels))
    whole.canary.settings.update(settings)  # type: ignore[attr-defined]
    assert codec.ROLLOUT.decode(codec.ROLLOUT.encode(whole)) == whole


@given(st.datetimes())
def test_moments_sort_as_text(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    text = codec.moment(at)
    assert codec.from_moment(text) == at
    assert len(text) == len(codec.moment(datetime(2026, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_json_has_no_number_for(value: float) -> None:
    found = Finding(
        "latency_p95",
        "unhealthy",  # type: ignore[arg-type]
        value,
        None,
        value,
        1,
        0,
        "limit",
        "",
        timedelta(0),
        "",
        "ms",
    )
    whole = Judgement(datetime(2026, 1, 1, tzinfo=UTC), found.verdict, "", (found,))
    read = codec.JUDGEMENT.decode(codec.JUDGEMENT.encode(whole)).findings[0]
    assert repr((read.canary, read.limit, read.stable)) == repr((value, value, None))


def test_any_mapping_is_written_as_one() -> None:
    resource = Resource("process", "p1", "logo", detail=MappingProxyType({"a": {"b": 1}}))
    assert codec.DETAIL.encode({"it": resource.detail}) == '{"it":{"a":{"b":1}}}'


@pytest.mark.parametrize("detail", [{"a": object()}, {"a": "\ud800"}, {"a": {1, object()}}])
def test_what_has_no_json_form_is_refused(detail: dict[str, Any]) -> None:
    with pytest.raises(LedgerError, match="cannot be written down"):
        codec.DETAIL.encode(detail)
