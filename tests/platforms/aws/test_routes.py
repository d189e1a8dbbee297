"""A route's weights change and nothing else does."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.platforms.aws.routes import (
    KINDS,
    Target,
    alone,
    frame,
    percent,
    split,
    targets,
    with_targets,
)


def route(kind: str, *found: Target) -> dict[str, Any]:
    return {
        "priority": 7,
        kind: {
            "match": {"prefix": "/shop", "headers": [{"name": "x", "invert": True}]},
            "retryPolicy": {"maxRetries": 2, "perRetryTimeout": {"unit": "ms", "value": 200}},
            "timeout": {"idle": {"unit": "s", "value": 3}},
            "action": {"weightedTargets": [one.raw() for one in found]},
        },
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("port", [None, 8080])
def test_only_the_targets_change_and_come_back_the_same(kind: str, port: int | None) -> None:
    before = route(kind, Target("blue", 1, port))
    untouched = copy.deepcopy(before)
    changed = with_targets(before, split("blue", "green", 5, targets(before)))
    assert before == untouched
    assert targets(changed) == (Target("blue", 95, port), Target("green", 5, port))
    assert with_targets(changed, targets(before)) == before
    assert frame(changed) == frame(before)
    assert frame(changed) != frame({**before, "priority": 8})
    assert targets(with_targets(changed, alone("green", targets(changed)))) == (
        Target("green", 100, port),
    )


@given(st.integers(0, 100))
def test_a_weight_is_read_as_it_was_written(weight: int) -> None:
    assert percent(split("a", "b", weight, ())) == weight


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((1,), 0), ((100,), 0), ((9, 1), 10), ((2, 1), None), ((0, 0), None), ((1, 1, 1), None)],
)
def test_what_is_no_whole_percentage_is_not_ours(
    weights: tuple[int, ...], expected: int | None
) -> None:
    found = [Target(str(number), weight) for number, weight in enumerate(weights)]
    assert percent(found) == expected


def test_a_route_without_weights_has_no_targets() -> None:
    assert targets({"httpRoute": {"match": {}}}) == ()
    assert targets({}) == ()
