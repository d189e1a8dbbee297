# ruff: noqa: E501
"""A service's very first version: nothing to compare with, nothing to return to."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.rollouts import AT, MOVES, ROLLOUT, make_plan, play

from chimera.core.effects import Install, RemoveCanary, Restore
from chimera.core.events import Committed
from chimera.core.explain import ending, explain, headline
from chimera.core.plan import Step
from chimera.core.rollout import advance
from chimera.core.state import Phase, State

PLAN = replace(make_plan(Step(100, timedelta(0))), install=True)
FIRST = replace(ROLLOUT, stable=ROLLOUT.canary, plan=PLAN)

STORY = """
start     | Started: v2 is installed as the first version of logo | Installing v2, the first version of logo
committed | Installed: v2 serves all traffic of logo | Installed: v2 serves all traffic of logo
"""
FAILURE = """
start    | Started: v2 is installed as the first version of logo | Installing v2, the first version of logo
failed   | Undoing the installation of v2: local: start: exit code 1; Last line: no module | Undoing the installation of v2, the first version of logo: local: start: exit code 1; Last line: no module
restored | Nothing of logo ran before; v2 is being removed | Undoing the installation of v2, the first version of logo: local: start: exit code 1; Last line: no module
removed  | Not installed: local: start: exit code 1; Last line: no module; 3 of 3 resources removed, nothing left behind | Not installed: local: start: exit code 1; Last line: no module; 3 of 3 resources removed, nothing left behind
"""


@pytest.mark.parametrize("story", [STORY, FAILURE])
def test_an_installation_is_told(story: str) -> None:
    state = State()
    assert headline(FIRST, state) == "Waiting to install v2, the first version of logo"
    for line in story.strip().splitlines():
        name, sentence, banner = (cell.strip() for cell in line.split("|"))
        event = MOVES[name](state)
        after = advance(PLAN, state, event)
        assert explain(FIRST, state, event, after) == sentence
        assert headline(FIRST, after.state) == banner
        state = after.state
    assert state.phase.final
    assert state.work is None
    assert ending(FIRST, state)


def test_an_installation_goes_through_in_one_move() -> None:
    assert isinstance(play("start", PLAN).work, Install)
    state = play("start committed", PLAN)
    assert (state.phase, state.weight, state.step) == (Phase.SUCCEEDED, 100, 0)


def test_an_aborted_installation_is_undone() -> None:
    state = play("start abort", PLAN)
    assert isinstance(state.work, Restore)
    late = Committed(at=AT, generation=1)
    assert advance(PLAN, state, late).ignored
    state = play("restored", PLAN, state)
    assert isinstance(state.work, RemoveCanary)
    assert play("removed", PLAN, state).phase is Phase.ABORTED


@pytest.mark.parametrize("request_", ["pause", "promote", "approve", "revert"])
def test_an_installation_cannot_be_steered_but_by_an_abort(request_: str) -> None:
    state = play("start", PLAN)
    answer = advance(PLAN, state, MOVES[request_](state))
    assert answer.refused
    assert answer.state == state
