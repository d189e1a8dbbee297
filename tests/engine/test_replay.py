"""Rollouts in flight survive a change of the code: recorded histories still replay."""

from __future__ import annotations

import json

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError
from tests.support.histories import FOLDER, SCENARIOS

from chimera.engine.messages import CONVERTER
from chimera.engine.worker import sandbox
from chimera.engine.workflow import RolloutWorkflow

NAMES = [scenario.__name__ for scenario in SCENARIOS]
HINT = "rollouts in flight would be stuck: see docs/explanation/durability.md"


def replayer() -> Replayer:
    return Replayer(
        workflows=[RolloutWorkflow], data_converter=CONVERTER, workflow_runner=sandbox()
    )


def read(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text()


def history(text: str) -> WorkflowHistory:
    recorded = json.loads(text)
    return WorkflowHistory.from_json(recorded["workflow"], recorded["history"])


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_rollout_replays(name: str) -> None:
    result = await replayer().replay_workflow(history(read(name)), raise_on_replay_failure=False)
    assert result.replay_failure is None, HINT


def test_every_history_has_its_scenario() -> None:
    assert sorted(file.stem for file in FOLDER.iterdir()) == sorted(NAMES)


async def test_a_change_that_breaks_rollouts_in_flight_is_noticed() -> None:
    text = read("promoted")
    assert '"name": "shift"' in text
    changed = history(text.replace('"name": "shift"', '"name": "leap"'))
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(changed)


def test_no_history_tells_of_the_machine_that_recorded_it() -> None:
    texts = [file.read_text() for file in FOLDER.iterdir()]
    assert not any("stackTrace" in text or "site-packages" in text for text in texts)
