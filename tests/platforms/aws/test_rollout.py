"""Whole rollouts on both platforms of AWS end as they should, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.support.alb import alb_service, alb_stack, rule_actions
from tests.support.alb_story import AlbStory
from tests.support.aws import mesh_service, mesh_stack
from tests.support.aws_mortal import Job, lives
from tests.support.aws_story import Json, Story
from tests.support.mesh_story import Story as MeshStory

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence
from chimera.ports.inventory import Inventory
from chimera.sandbox import Sandbox
from chimera.sandbox.faults import Rule
from chimera.store import open_store

# "killed" and "lost replies" strike at every write of every step, see `Story`.
TROUBLES: dict[str, tuple[Rule, ...]] = {
    "none": (),
    "killed at every write": (),
    "lost replies": (),
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
    told.deaths.deadly = "killed" in trouble
    told.losing = trouble in {"lost replies", "killed and unheard"}
    told.box.faults.set(TROUBLES.get(trouble, ()))


def end(told: Story, trouble: str) -> None:
    """Let trouble end; fail if it did not come to every write."""
    told.box.faults.set([])
    if trouble == "killed at every write":
        told.deaths.check()


async def quiet(box: Sandbox, platform: str) -> Story:
    """Return a service that every test finds, and leaves, as it was made."""
    if platform not in _quiet or _quiet[platform].box is not box:
        _quiet[platform] = await story(box, platform)
        await _quiet[platform].platform.close()
    kept = _quiet[platform]
    return type(kept)(box, kept.stack)


def names(text: str) -> set[str]:
    return {name.strip() for name in text.replace("\n", " ").split(",")}


async def check_promoted(told: Story, before: Json, inventory: Inventory) -> None:
    """Fail unless v2 stands where v1 stood, and is what the inventory holds."""
    after = told.snapshot()
    (name,) = after["services"]
    old, new = before["services"][told.stack.service], after["services"][name]
    assert name.startswith(f"{told.stack.service}-v2-")
    for setting in ("desiredCount", "networkConfiguration", "deploymentConfiguration"):
        assert new[setting] == old[setting]
    assert after["definitions"] == [f"{name}:1"]
    assert after["scaling"] == {name: before["scaling"][told.stack.service]}
    assert {**after, **told.swapped(before, name)} == after
    made = {resource.kind for resource in await inventory.find(service=told.service.name)}
    assert made == {*told.kinds, "ecs-service", "ecs-task-definition", "scalable-target"}


@pytest.mark.parametrize(
    ("platform", "trouble"), [case for case in TROUBLED if "killed" not in case[1]]
)
async def test_a_promoted_version_replaces_the_old_one(
    box: Sandbox, platform: str, trouble: str
) -> None:
    told = await story(box, platform)
    before = told.snapshot()
    begin(told, trouble)
    await told.until(20)
    await told.promote()
    end(told, trouble)
    await check_promoted(told, before, told.inventory)
    assert told.writes.keys() == names(PROMOTING[platform])
    await told.platform.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_controller_that_is_killed_at_every_write_promotes_all_the_same(
    box: Sandbox, platform: str, tmp_path: Path
) -> None:
    told = await story(box, platform)
    before = told.snapshot()
    service, settings = told.service.name, dict(told.service.settings)
    job = Job(folder=str(tmp_path), platform=platform, service=service, settings=settings)
    died = await asyncio.to_thread(lives, job)
    async with open_store(job.url) as store:
        await check_promoted(told, before, store.inventory)
    writes = {point.rpartition(" ")[0] for point in died}
    assert died == {f"{write} {moment}" for write in writes for moment in ("sent", "answered")}
    assert {write.partition(" ")[2] for write in writes} == names(PROMOTING[platform])
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
    end(told, trouble)
    assert told.snapshot() == before
    assert await told.inventory.find() == ()
    await told.platform.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_rollback_after_the_commit_gives_back_what_was_taken(
    box: Sandbox, platform: str
) -> None:
    told = await quiet(box, platform)
    before = told.snapshot()
    begin(told, "killed and unheard")
    await told.until(50)
    await told.commit()
    await told.roll_back()
    end(told, "killed and unheard")
    assert told.snapshot() == before
    assert await told.inventory.find() == ()
    await told.platform.close()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_first_version_comes_and_goes_whatever_dies_on_the_way(
    box: Sandbox, platform: str
) -> None:
    told = await idle(box, platform)
    before, way = told.snapshot(), default_actions(told)
    begin(told, "killed at every write")
    fence = Fence("r1", 1)
    await told.step(
        "install", lambda: told.platform.orchestrator.install(told.service, told.v2, fence)
    )
    assert len(told.snapshot()["services"]) == 2
    await told.step("uninstall", lambda: told.platform.orchestrator.uninstall(told.service))
    end(told, "killed at every write")
    assert (told.snapshot(), default_actions(told)) == (before, way)
    assert await told.inventory.find() == ()
    assert {"elbv2 ModifyListener", "appmesh UpdateRoute"} & told.writes.keys()
    await told.platform.close()


async def idle(box: Sandbox, platform: str) -> Story:
    """Return a service without a version; the weights of ecs-alb are the listener's own."""
    if platform == "ecs-appmesh":
        stack = await asyncio.to_thread(mesh_stack, box, tasks=0, wait_s=0)
        told: Story = MeshStory(box, stack)
        told.service = mesh_service(box, stack, replicas=1)
        return told
    stack = await asyncio.to_thread(alb_stack, box, tasks=0, wait_s=0)
    elb, told = box.session().client("elbv2"), AlbStory(box, stack)
    elb.modify_listener(ListenerArn=stack.listener, DefaultActions=rule_actions(box, stack))
    other = {"Type": "forward", "TargetGroupArn": stack.target_group_2}
    elb.modify_rule(RuleArn=stack.rule, Actions=[other])
    told.service = alb_service(box, stack, listener=stack.listener, replicas=1)
    return told


def default_actions(told: Story) -> Json:
    """Return what the stack's listener does by default, if it has one."""
    if not told.stack.listener:
        return {}
    elb = told.box.session().client("elbv2")
    (found,) = elb.describe_listeners(ListenerArns=[told.stack.listener])["Listeners"]
    return {"actions": found["DefaultActions"]}


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
    async with asyncio.timeout(30):
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
