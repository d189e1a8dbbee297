"""Golden histories: what rollouts of each kind looked like to Temporal when they were recorded.

    python -m tests.support.histories          records them anew, all of them

Record anew only what cannot be in flight anywhere any more, or to add a scenario; a change that a
history does not survive needs `workflow.patched` (docs/explanation/durability.md).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.engine import BAKE, Rig, plan
from tests.support.eventually import eventually
from tests.support.interposed import Trouble

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.events import (
    AbortRequested,
    ApproveRequested,
    PauseRequested,
    PromoteRequested,
    ResumeRequested,
    RetryRequested,
    RevertRequested,
)
from chimera.core.plan import Gate, GateKind, Rollout, Step
from chimera.core.state import Phase
from chimera.engine.client import EngineClient
from chimera.engine.server import EmbeddedServer
from chimera.engine.settings import EngineSettings

FOLDER = Path(__file__).parents[1] / "engine" / "histories"
LONG = timedelta(seconds=60)
WATCHED = plan(Step(10, LONG), Step(100, BAKE))


async def promoted(rig: Rig) -> Rollout:
    return await rig.rollout(plan(Step(10, BAKE), Step(100, BAKE)))


async def rolled_back(rig: Rig) -> Rollout:
    return await rig.rollout(faults={"v2": {"errors": "50%"}})


async def installed(rig: Rig) -> Rollout:
    return await rig.rollout(plan(install=True), installed=False)


async def asked_for_everything(rig: Rig) -> Rollout:
    gate = Gate(GateKind.APPROVAL)
    rollout = await rig.rollout(plan(Step(10, BAKE, gate), Step(50, LONG), Step(100, BAKE)))
    await rig.reach(rollout, Phase.AWAITING_APPROVAL)
    await rig.ask(rollout, ApproveRequested)
    await rig.until(rollout, lambda state: state.weight == 50)
    for verb in (PauseRequested, ResumeRequested, RetryRequested, PromoteRequested):
        await rig.ask(rollout, verb, id_=verb.__name__)
        await rig.ask(rollout, verb, id_=verb.__name__)
    return rollout


async def aborted(rig: Rig) -> Rollout:
    rollout = await rig.rollout(WATCHED)
    await rig.until(rollout, lambda state: state.weight == 10)
    await rig.ask(rollout, AbortRequested)
    return rollout


async def reverted(rig: Rig) -> Rollout:
    rollout = await rig.rollout(plan(Step(100, BAKE), scale_down_delay=timedelta(hours=1)))
    await rig.reach(rollout, Phase.RETIRING)
    await rig.ask(rollout, RevertRequested)
    return rollout


async def cleanup_tried_again(rig: Rig) -> Rollout:
    refused = ProviderRefused("memory", "remove", "busy")
    rig.platform.trouble["orchestrator.remove"] = Trouble(refused, times=1)
    return await rig.rollout(plan(Step(100, BAKE)))


async def edited_by_somebody(rig: Rig) -> Rollout:
    rollout = await rig.rollout(WATCHED)
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.platform.inner.edit(rollout.service.name, "v2", 33)  # type: ignore[attr-defined]
    await rig.reach(rollout, Phase.PAUSED)
    await rig.ask(rollout, AbortRequested)
    return rollout


async def without_metrics(rig: Rig) -> Rollout:
    unavailable = ProviderUnavailable("memory", "metrics", "no answer")
    rig.platform.trouble["metrics.read"] = Trouble(unavailable)
    rollout = await rig.rollout()
    await rig.reach(rollout, Phase.PAUSED)
    await rig.ask(rollout, AbortRequested)
    return rollout


async def held_by_the_ledger(rig: Rig) -> Rollout:
    rollout = await rig.rollout(plan(Step(10, BAKE), Step(100, BAKE), lease=timedelta(seconds=1)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    rig.ledger.down = "disk full"
    generation = (await rig.client.state(rollout.id)).generation
    await rig.until(rollout, lambda state: state.generation > generation)
    await asyncio.sleep(1)  # beyond the moment's grace, so that the hold itself is in the history
    rig.ledger.down = ""
    return rollout


async def out_of_time(rig: Rig) -> Rollout:
    rig.platform.trouble["orchestrator.start"] = Trouble(gate=asyncio.Event())
    deadline = timedelta(seconds=1)
    rollout = await rig.rollout(plan(Step(100, BAKE), progress_deadline=deadline))
    await rig.reach(rollout, Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    return rollout


SCENARIOS: tuple[Callable[[Rig], Awaitable[Rollout]], ...] = (
    promoted,
    rolled_back,
    installed,
    asked_for_everything,
    aborted,
    reverted,
    cleanup_tried_again,
    edited_by_somebody,
    without_metrics,
    held_by_the_ledger,
    out_of_time,
)


async def record(scenario: Callable[[Rig], Awaitable[Rollout]], address: str) -> str:
    """Play one scenario to its end and return its history as JSON."""
    settings = EngineSettings(task_queue=scenario.__name__)
    rig = Rig(settings, address, await EngineClient.connect(settings, address))
    async with rig.worker():
        rollout = await scenario(rig)
        await rig.client.result(rollout.id)
        handle = rig.client.temporal.get_workflow_handle(rollout.id)
        history = await handle.fetch_history()
    recorded = without_machine(json.loads(history.to_json()))
    return json.dumps({"workflow": rollout.id, "history": recorded})


def without_machine(part: Any) -> Any:
    """Leave out what says on which machine it was recorded; a replay does not look at it."""
    if isinstance(part, list):
        return [without_machine(each) for each in part]
    if isinstance(part, dict):
        kept = {key: value for key, value in part.items() if key != "stackTrace"}
        return {
            key: "recorder" if key == "identity" else without_machine(value)
            for key, value in kept.items()
        }
    if isinstance(part, str):  # a sticky queue is named PROCESS@HOST-NUMBER
        return re.sub(r"^\d+@.*-(?=[0-9a-f]{32}$)", "recorder-", part)
    return part


async def record_all() -> None:
    """Write every scenario's history."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServer(EngineSettings(folder=Path(folder))) as server:
            for scenario in SCENARIOS:
                file = FOLDER / f"{scenario.__name__}.json"
                file.write_text(await record(scenario, server.address) + "\n")
                sys.stdout.write(f"{file.name}: {file.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    asyncio.run(record_all())
