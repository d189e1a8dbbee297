"""Another user of the machine reaches the embedded server's port, and gets nothing done there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.common import RawValue
from tests.support.engine import Rig, plan
from tests.support.eventually import eventually

from chimera.core.events import AbortRequested
from chimera.core.model import Service
from chimera.core.plan import Step
from chimera.core.state import Phase
from chimera.engine.client import EngineClient
from chimera.engine.maintenance import WORKFLOW, Maintenance, maintain
from chimera.engine.messages import Ask
from chimera.engine.seal import make_key
from chimera.engine.server import EmbeddedServer
from chimera.engine.settings import EngineSettings

LONG = timedelta(minutes=1)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig whose server has a folder that its clients can read."""
    settings = EngineSettings(folder=tmp_path / "engine", heartbeat_s=1)
    async with EmbeddedServer(settings) as server:
        client = await EngineClient.connect(settings, server.address)
        its = Rig(settings, server.address, client)
        async with its.worker():
            yield its


async def outsider(rig: Rig) -> EngineClient:
    """A client that reaches the port and cannot read the folder."""
    return await EngineClient.connect(EngineSettings(), rig.address)


def test_the_key_is_its_owners(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    first = (tmp_path / "key").read_bytes()
    make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == first
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


async def test_who_has_the_key_is_served(rig: Rig) -> None:
    rollout = await rig.rollout()
    assert (await rig.client.result(rollout.id)).phase is Phase.SUCCEEDED
    done = await maintain(rig.client, Maintenance(service=rollout.service, uninstall=True))
    assert [one.revision for one in done.removed] == ["v2"]


async def test_a_stranger_starts_nothing_and_aborts_nothing(rig: Rig) -> None:
    rollout = await rig.rollout(plan(Step(10, LONG), Step(100, LONG)))
    await eventually(lambda: rig.ledger.looks.get(rollout.id))
    stranger = await outsider(rig)
    wanted = Maintenance(service=rollout.service, uninstall=True)
    started = await stranger.temporal.start_workflow(
        WORKFLOW, wanted, id="evil", task_queue=rig.settings.task_queue
    )
    handle = stranger.temporal.get_workflow_handle(rollout.id)
    abort = AbortRequested(at=datetime.now(UTC), by="eve", request="x")
    await handle.signal("request", Ask(abort))
    await asyncio.sleep(1.5)
    assert rig.platform.operations("orchestrator.uninstall") == []
    assert (await rig.client.state(rollout.id)).phase is Phase.PROGRESSING
    await started.terminate()
    assert not (await rig.ask(rollout, AbortRequested)).refused
    assert (await rig.client.result(rollout.id)).phase is Phase.ABORTED


async def test_what_was_overheard_cannot_be_played_again(rig: Rig) -> None:
    service = Service("web-1", "memory", {})
    await maintain(rig.client, Maintenance(service=service, uninstall=True))
    assert rig.platform.operations("orchestrator.uninstall") == ["orchestrator.uninstall"]
    stranger = await outsider(rig)
    async for one in stranger.temporal.list_workflows("WorkflowType = 'maintenance'"):
        history = await stranger.temporal.get_workflow_handle(one.id).fetch_history()
        [overheard] = history.events[0].workflow_execution_started_event_attributes.input.payloads
    started = await stranger.temporal.start_workflow(
        WORKFLOW, RawValue(overheard), id="evil", task_queue=rig.settings.task_queue
    )
    await asyncio.sleep(1.5)
    assert rig.platform.operations("orchestrator.uninstall") == ["orchestrator.uninstall"]
    await started.terminate()
