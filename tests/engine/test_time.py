"""Hours in seconds: what the workflow's timers do, on Temporal's time-skipping test server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment
from tests.support.engine import BAKE, Rig, plan
from tests.support.interposed import Trouble

from chimera.core.errors import ProviderRefused
from chimera.core.events import RevertRequested
from chimera.core.plan import Step
from chimera.core.results import MAX_CLEANUP_ATTEMPTS
from chimera.core.state import Phase
from chimera.engine.binary import find_binary
from chimera.engine.client import EngineClient
from chimera.engine.messages import CONVERTER
from chimera.engine.settings import EngineSettings

Skipping = tuple[Rig, WorkflowEnvironment]


@pytest.fixture
async def skipping() -> AsyncIterator[tuple[Rig, WorkflowEnvironment]]:
    """A rig on a server whose clock can jump, over whatever timers there are."""
    binary = shutil.which("temporal-test-server", path=str(find_binary().parent))
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=CONVERTER
    ) as env:
        address = env.client.service_client.config.target_host
        settings = EngineSettings(namespace="default", starts_per_s=200)
        rig = Rig(settings, address, EngineClient(env.client, settings, address))
        async with rig.worker():
            yield rig, env


async def test_the_old_version_stays_warm_for_its_delay_and_then_goes(skipping: Skipping) -> None:
    rig, env = skipping
    rollout = await rig.rollout(plan(Step(100, BAKE), scale_down_delay=timedelta(hours=5)))
    await rig.reach(rollout, Phase.RETIRING)
    assert await rig.running(rollout) == {"v1", "v2"}
    await env.sleep(timedelta(hours=4.9))
    assert await rig.running(rollout) == {"v1", "v2"}
    await env.sleep(timedelta(hours=0.2))
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.SUCCEEDED
    assert state.ended_at is not None
    assert state.promoted_at is not None
    assert state.ended_at - state.promoted_at >= timedelta(hours=5)
    assert await rig.running(rollout) == {"v2"}


async def test_a_warm_old_version_takes_over_again_when_asked(skipping: Skipping) -> None:
    rig, _ = skipping
    rollout = await rig.rollout(plan(Step(100, BAKE), scale_down_delay=timedelta(hours=5)))
    await rig.reach(rollout, Phase.RETIRING)
    assert not (await rig.ask(rollout, RevertRequested)).refused
    assert (await rig.client.result(rollout.id)).phase is Phase.ROLLED_BACK
    assert await rig.serving(rollout) == "v1"
    assert await rig.running(rollout) == {"v1"}


async def test_a_cleanup_that_never_works_is_tried_for_a_while_and_never_claims_success(
    skipping: Skipping,
) -> None:
    rig, env = skipping
    refused = ProviderRefused("memory", "remove", "it is protected")
    rig.platform.trouble["orchestrator.remove"] = Trouble(refused)
    rollout = await rig.rollout(plan(Step(100, BAKE)))
    await rig.reach(rollout, Phase.CLEANUP_INCOMPLETE)
    for _ in range(2 * MAX_CLEANUP_ATTEMPTS):
        if not (await rig.client.state(rollout.id)).over:
            await env.sleep(timedelta(minutes=1))
    state = await rig.client.result(rollout.id)
    assert state.phase is Phase.CLEANUP_INCOMPLETE
    assert "it is protected" in state.trouble
    assert state.cleanup_attempts == MAX_CLEANUP_ATTEMPTS
    removals = rig.ledger.kinds(rollout.id).count("removed")
    assert removals == MAX_CLEANUP_ATTEMPTS
    assert await rig.serving(rollout) == "v2"
