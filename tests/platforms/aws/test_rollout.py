"""Whole rollouts on both platforms of AWS end as they should, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio

import pytest
from tests.platforms.aws.test_errors import USED
from tests.support.alb import alb_stack
from tests.support.alb_story import AlbStory
from tests.support.aws import mesh_stack
from tests.support.aws_story import Story
from tests.support.mesh_story import Story as MeshStory

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence
from chimera.sandbox import Sandbox
from chimera.sandbox.calls import is_write
from chimera.sandbox.faults import Rule

TROUBLES = {
    "none": (),
    "killed at every write": (),
    "lost replies": (
        *(
            Rule(fault="lost-reply", service=service, action=action, times=1)
            for service, actions in USED.items()
            for action in actions.split()
            if is_write(action)
        ),
    ),
    "throttled": (Rule(fault="throttle", probability=0.5),),
    "stale reads": (Rule(fault="stale", probability=0.5, seconds=0.4),),
}
PLATFORMS = ("ecs-alb", "ecs-appmesh")
# What moto answers is never stale: the rules and groups of load balancers.
TROUBLED = [
    (platform, trouble)
    for platform in PLATFORMS
    for trouble in TROUBLES
    if (platform, trouble) != ("ecs-alb", "stale reads")
]
# Every write that a rollout to its end makes, and one that is rolled back, where stable scales.
PROMOTING = {
    "ecs-alb": """ecs RegisterTaskDefinition, ecs CreateService, ecs UpdateService,
        ecs DeleteService, ecs DeregisterTaskDefinition, ecs DeleteTaskDefinitions,
        elbv2 CreateTargetGroup, elbv2 ModifyTargetGroupAttributes, elbv2 ModifyRule,
        elbv2 DeleteTargetGroup, application-autoscaling RegisterScalableTarget,
        application-autoscaling PutScalingPolicy, application-autoscaling PutScheduledAction,
        application-autoscaling DeregisterScalableTarget""",
    "ecs-appmesh": """ecs RegisterTaskDefinition, ecs CreateService, ecs UpdateService,
        ecs DeleteService, ecs DeregisterTaskDefinition, ecs DeleteTaskDefinitions,
        appmesh CreateVirtualNode, appmesh UpdateRoute, appmesh DeleteVirtualNode,
        application-autoscaling RegisterScalableTarget, application-autoscaling PutScalingPolicy,
        application-autoscaling PutScheduledAction,
        application-autoscaling DeregisterScalableTarget""",
}
_quiet: dict[str, Story] = {}


async def story(box: Sandbox, platform: str) -> Story:
    """Return a service of its own, which scales by itself and whose users are sticky."""
    build = mesh_stack if platform == "ecs-appmesh" else alb_stack
    stack = await asyncio.to_thread(build, box, tasks=1)
    made = MeshStory(box, stack) if platform == "ecs-appmesh" else AlbStory(box, stack)
    made.scale_automatically()
    if isinstance(made, AlbStory):
        made.stick(60)
    return made


def begin(told: Story, trouble: str) -> None:
    """Let trouble come from now on."""
    told.deaths.deadly = trouble == "killed at every write"
    told.box.faults.set(TROUBLES[trouble])


async def quiet(box: Sandbox, platform: str) -> Story:
    """Return a service that every test finds, and leaves, as it was made."""
    if platform not in _quiet or _quiet[platform].box is not box:
        _quiet[platform] = await story(box, platform)
        await _quiet[platform].platform.close()
    kept = _quiet[platform]
    return type(kept)(box, kept.stack)


def names(text: str) -> set[str]:
    return {name.strip() for name in text.replace("\n", " ").split(",")}


@pytest.mark.parametrize(("platform", "trouble"), TROUBLED)
async def test_a_promoted_version_replaces_the_old_one(
    box: Sandbox, platform: str, trouble: str
) -> None:
    told = await story(box, platform)
    before = told.snapshot()
    begin(told, trouble)
    await told.until(20)
    await told.promote()
    box.faults.set([])
    after = told.snapshot()
    (name,) = after["services"]
    old, new = before["services"][told.stack.service], after["services"][name]
    assert name.startswith(f"{told.stack.service}-v2-")
    assert new["desiredCount"] == old["desiredCount"]
    assert new["networkConfiguration"] == old["networkConfiguration"]
    assert new["deploymentConfiguration"] == old["deploymentConfiguration"]
    assert after["definitions"] == [f"{name}:1"]
    assert after["scaling"] == {name: before["scaling"][told.stack.service]}
    assert {**after, **told.swapped(before, name)} == after
    made = {resource.kind for resource in await told.inventory.find(service=told.service.name)}
    assert made == {*told.kinds, "ecs-service", "ecs-task-definition", "scalable-target"}
    assert told.writes.keys() == names(PROMOTING[platform])
    told.deaths.check()
    await told.platform.close()


@pytest.mark.parametrize(("platform", "trouble"), TROUBLED)
async def test_a_rollback_leaves_everything_as_it_was(
    box: Sandbox, platform: str, trouble: str
) -> None:
    told = await quiet(box, platform)
    before = told.snapshot()
    begin(told, trouble)
    await told.until(20)
    await told.roll_back()
    box.faults.set([])
    assert told.snapshot() == before
    assert await told.inventory.find() == ()
    told.deaths.check()
    await told.platform.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_rollback_after_the_commit_gives_back_what_was_taken(
    box: Sandbox, platform: str
) -> None:
    told = await quiet(box, platform)
    before = told.snapshot()
    begin(told, "killed at every write")
    await told.until(50)
    await told.commit()
    await told.roll_back()
    assert told.snapshot() == before
    assert await told.inventory.find() == ()
    await told.platform.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_rollback_overtakes_what_waits_in_a_throttled_account(
    box: Sandbox, platform: str
) -> None:
    told = await quiet(box, platform)
    before = told.snapshot()
    await told.until(20)
    begin(told, "throttled")
    router = told.platform.router
    others = [asyncio.create_task(router.read(told.service)) for _ in range(150)]
    await asyncio.sleep(0)
    await router.restore(told.service, told.v1, told.v2, Fence("r1", 4))
    assert not all(other.done() for other in others)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    box.faults.set([])
    await told.roll_back()
    assert told.snapshot() == before
    await told.platform.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_canary_that_cannot_start_says_why(box: Sandbox, platform: str) -> None:
    told = await quiet(box, platform)
    before = told.snapshot()
    reason = "CannotPullContainerError: manifest unknown: not found"
    box.faults.set([Rule(fault="no-start", family=f"{told.stack.service}-v2-*", reason=reason)])
    with pytest.raises(ProviderRefused, match="the image was not found") as refused:
        await told.platform.orchestrator.start(told.service, told.v2, None, Fence("r1", 1))
    assert "name and tag" in refused.value.hint
    box.faults.set([])
    await told.remove(told.v2)
    assert told.snapshot() == before
    assert await told.inventory.find() == ()
    await told.platform.close()
