"""What is said when nobody drives a rollout: on some platforms traffic comes back by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.history import NOW, rollout

from chimera.app.reading import unattended
from chimera.app.reports import RolloutView
from chimera.core.model import Service
from chimera.core.state import Phase, State


@pytest.mark.parametrize(
    ("platform", "weight", "said"),
    [
        ("local", 25, "all traffic is back on 1 within"),
        ("ecs-alb", 25, "the canary keeps its 25 %, unwatched"),
        ("ecs-appmesh", 5, "the canary keeps its 5 %, unwatched"),
        ("ecs-alb", 0, "traffic stays as it is"),
    ],
)
def test_where_the_traffic_is(platform: str, weight: int, said: str) -> None:
    its = replace(rollout(), service=Service("logo", platform))
    state = State(phase=Phase.PROGRESSING, weight=weight, started_at=NOW)
    view = RolloutView(its, state, NOW, NOW, "")
    assert said in unattended(view)
    promoted = replace(view, state=replace(state, promoted_at=NOW))
    assert "traffic stays as it is" in unattended(promoted)
