"""A canary that does not start on ECS is explained from what ECS says, and leaves nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.platforms.aws.test_rollout import quiet
from tests.support.alb import idle_alb_stack
from tests.support.alb_story import AlbStory
from tests.support.aws import forget_idle

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule

ENDED = "Essential container in task exited"
CASES = {
    "image": (
        Rule(fault="no-start", reason="CannotPullContainerError: repository does not exist"),
        ("the image was not found", "name and tag"),
    ),
    "secret": (
        Rule(
            fault="no-start",
            reason="ResourceInitializationError: unable to pull secrets: AccessDenied",
        ),
        ("a secret cannot be read", "execution role"),
    ),
    "capacity": (
        Rule(fault="no-start", reason="RESOURCE:MEMORY"),
        ("not ready within", "no capacity", "add capacity"),
    ),
    "health": (Rule(fault="unhealthy"), ("the health check fails", "grace period")),
    "crash": (Rule(fault="crash", seconds=0.1), (ENDED, "the application's log")),
}


@pytest.mark.parametrize("platform", ["ecs-alb", "ecs-appmesh"])
@pytest.mark.parametrize("case", CASES)
async def test_it_says_why_within_its_deadline(box: Sandbox, platform: str, case: str) -> None:
    told = await quiet(box, platform)
    settings = {**told.service.settings, "startTimeout": "12s"}
    told.service = replace(told.service, settings=settings)
    before = told.snapshot()
    fault, words = CASES[case]
    box.faults.set([fault.model_copy(update={"family": f"{told.stack.service}-v2-*"})])
    with pytest.raises(ProviderRefused) as refused:
        await told.platform.orchestrator.start(told.service, told.v2, None, Fence("r1", 1))
    said = f"{refused.value} {refused.value.hint}"
    assert [word for word in words if word not in said] == [], said
    await told.remove(told.v2)
    assert told.snapshot() == before
    assert await told.inventory.find() == ()
    await told.platform.close()


async def test_a_service_that_not_every_read_knows_yet_is_waited_for(box: Sandbox) -> None:
    told = await quiet(box, "ecs-appmesh")
    box.calls.clear()
    box.faults.set([Rule(fault="stale", service="ecs", action="ListTasks", seconds=60, times=2)])
    await told.start()
    box.faults.set([])
    outcomes = [one.outcome for one in box.calls.last() if one.action == "ListTasks"]
    assert outcomes.count("ServiceNotFoundException") == 2
    await told.remove(told.v2)
    await told.platform.close()


async def test_why_a_first_version_does_not_run_is_said_whatever_the_undoing_meets(
    box: Sandbox,
) -> None:
    stack = await asyncio.to_thread(idle_alb_stack, box)
    forget_idle(stack)
    told = AlbStory(box, stack)
    start = Rule(fault="no-start", family=f"{stack.service}-v1-*", reason="manifest unknown")
    undo = Rule(fault="denied", service="elbv2", action="DeleteTargetGroup")
    box.faults.set([start, undo])
    install = told.platform.orchestrator.install
    with pytest.raises(ProviderRefused, match="the image was not found"):
        await install(told.service, told.v1, Fence("r1", 1))
    box.faults.set([])
    await told.platform.orchestrator.uninstall(told.service, Fence("r1", 2))
    assert await told.inventory.find() == ()
    box.faults.set([start])
    with pytest.raises(ProviderRefused, match="overtaken"):
        await install(told.service, told.v1, Fence("r1", 1))
    box.faults.set([])
    await told.platform.close()
