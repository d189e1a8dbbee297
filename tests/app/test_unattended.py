"""What is said when nobody drives a rollout: on some platforms traffic comes back by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.history import NOW, rollout

from chimera.app.operations import open_chimera
from chimera.app.reading import unattended
from chimera.app.reports import RolloutView
from chimera.app.settings import Settings
from chimera.core.model import Service
from chimera.core.state import Phase, State


@pytest.mark.parametrize(
    ("leased", "weight", "said"),
    [
        (True, 25, "all traffic is back on 1 within"),
        (False, 25, "the canary keeps its 25 %, unwatched"),
        (False, 0, "traffic stays as it is"),
    ],
)
def test_where_the_traffic_is(leased: bool, weight: int, said: str) -> None:
    its = replace(rollout(), service=Service("logo", "local"))
    state = State(phase=Phase.PROGRESSING, weight=weight, started_at=NOW)
    view = RolloutView(its, state, NOW, NOW, "")
    assert said in unattended(view, leased=leased)
    promoted = replace(view, state=replace(state, promoted_at=NOW))
    assert "traffic stays as it is" in unattended(promoted, leased=leased)


async def test_which_platforms_take_a_weight_back(tmp_path: Path) -> None:
    names = ("local", "memory", "ecs-alb", "ecs-appmesh", "of a newer Chimera")
    async with open_chimera(Settings(tmp_path)) as chimera:
        assert [chimera.leased(name) for name in names] == [True, True, False, False, False]
