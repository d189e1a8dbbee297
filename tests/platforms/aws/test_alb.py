"""ECS behind a load balancer in the practice range: whole rollouts, and what is refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.alb import alb_service, alb_stack, group_names, rule_actions
from tests.support.aws import configured, no_box_left, requests, shared_box

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Sandbox
from chimera.sandbox.seed import Stack

__all__ = ["no_box_left"]
LONG = timedelta(minutes=5)
V1, V2 = Revision("v1"), Revision("v2")


@dataclass
class Shop:
    """A running service behind a load balancer that Chimera has never touched."""

    box: Sandbox
    stack: Stack
    service: Service
    platform: EcsAlbPlatform
    inventory: MemoryInventory

    @property
    def actions(self) -> list[dict[str, Any]]:
        return rule_actions(self.box, self.stack)

    async def start(self) -> Fence:
        await self.platform.orchestrator.start(self.service, V2, None, Fence("r1", 1))
        return Fence("r1", 2)

    async def give(self, weight: int, fence: Fence) -> None:
        split = Split("v1", "v2", weight)
        await self.platform.router.set_weights(self.service, split, fence, LONG)

    def modify(self, actions: list[dict[str, Any]]) -> None:
        elb = self.box.session().client("elbv2")
        elb.modify_rule(RuleArn=self.stack.rule, Actions=actions)


async def steady(url: str, enough: asyncio.Event) -> Counter[int]:
    """Be a user until it is enough; return how many answers had which status."""
    met: Counter[int] = Counter()
    while not enough.is_set():
        met.update(await requests(url, 5))
        await asyncio.sleep(0.1)
    return met


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    box = await asyncio.to_thread(shared_box)
    stack = await asyncio.to_thread(alb_stack, box, tasks=1)
    inventory = MemoryInventory()
    with configured(box):
        platform = EcsAlbPlatform(inventory, str(tmp_path))
        yield Shop(box, stack, alb_service(box, stack), platform, inventory)
        await platform.close()


async def test_a_rollback_leaves_the_rule_as_it_was_to_the_byte(shop: Shop) -> None:
    sticky = shop.actions
    config = sticky[0]["ForwardConfig"]
    config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
    shop.modify(sticky)
    before, groups = shop.actions, group_names(shop.box, shop.stack)
    fence = await shop.start()
    await shop.give(25, fence)
    during = shop.actions[0]["ForwardConfig"]
    assert during["TargetGroupStickinessConfig"] == config["TargetGroupStickinessConfig"]
    assert sorted(one["Weight"] for one in during["TargetGroups"]) == [0, 25, 75]
    router, orchestrator = shop.platform.router, shop.platform.orchestrator
    await router.restore(shop.service, V1, V2, fence)
    assert (await router.read(shop.service)) == Split("v1")  # whatever the cookies say
    assert await router.drain(shop.service, V2, fence, LONG) == 0
    removed, left = await orchestrator.remove(shop.service, V2, fence)
    assert left == ()
    assert {one.kind for one in removed} == {
        "ecs-service",
        "ecs-task-definition",
        "elb-rule",
        "elb-target-group",
    }
    assert shop.actions == before
    assert group_names(shop.box, shop.stack) == groups
    assert await shop.inventory.find() == ()


async def test_what_a_lost_inventory_knew_is_found_by_its_tags_and_removed(shop: Shop) -> None:
    before = shop.actions
    assert await shop.platform.survey(shop.service) == ()
    fence = await shop.start()
    made = {str(one) for one in await shop.inventory.find() if one.kind != "elb-rule"}
    lost = MemoryInventory()
    heir = EcsAlbPlatform(lost, "")
    found = await heir.survey(shop.service)
    assert {str(one) for one in found} == made
    assert {(one.rollout, one.revision) for one in found} == {("r1", "v2")}
    for one in found:
        await lost.record(one)
    assert (await heir.orchestrator.remove(shop.service, V2, fence))[1] == ()
    assert await heir.survey(shop.service) == ()
    assert shop.actions == before
    await heir.close()


async def test_a_promotion_swaps_the_group_and_loses_no_request(shop: Shop) -> None:
    before = shop.actions
    url = await asyncio.to_thread(shop.box.wait_for_url, shop.stack.front)
    enough = asyncio.Event()
    users = asyncio.create_task(steady(url, enough))
    fence = await shop.start()
    for weight in (5, 50, 100):
        await shop.give(weight, fence)
    router, orchestrator = shop.platform.router, shop.platform.orchestrator
    await router.commit(shop.service, V1, V2, fence, LONG)
    assert await router.read(shop.service) == Split("v2")
    await router.drain(shop.service, V1, fence, LONG)
    removed, left = await orchestrator.remove(shop.service, V1, fence)
    enough.set()
    met = await users
    assert met.keys() == {200}, met
    assert met[200] > 50
    assert left == ()
    assert {one.kind for one in removed} >= {"ecs-service", "elb-target-group"}
    (version,) = {one.detail["backend"] for one in await shop.inventory.find(kind="ecs-service")}
    expected = str(before).replace(shop.stack.target_group, version)
    assert str(shop.actions) == expected
    ecs = shop.box.session().client("ecs")
    (old,) = ecs.describe_services(cluster=shop.stack.cluster, services=[shop.stack.service])[
        "services"
    ]
    assert old["status"] != "ACTIVE"
    heir = EcsAlbPlatform(MemoryInventory(), "")
    assert await heir.orchestrator.stable(shop.service) == V2
    await heir.close()


async def test_a_foreign_edit_is_seen_and_not_undone(shop: Shop) -> None:
    fence = await shop.start()
    await shop.give(25, fence)
    router = shop.platform.router
    edited = shop.actions
    for one in edited[0]["ForwardConfig"]["TargetGroups"]:
        one["Weight"] = 1
    shop.modify(edited)
    assert "outside Chimera" in (await router.read(shop.service)).stable
    await shop.give(25, fence)
    edited = shop.actions
    sticky = {"Enabled": True, "DurationSeconds": 90}
    edited[0]["ForwardConfig"]["TargetGroupStickinessConfig"] = sticky
    shop.modify(edited)
    assert "outside Chimera" in (await router.read(shop.service)).stable
    await router.restore(shop.service, V1, V2, fence)
    await shop.platform.orchestrator.remove(shop.service, V2, fence)
    (action,) = shop.actions
    assert action["ForwardConfig"]["TargetGroupStickinessConfig"] == sticky
    weights = {g["TargetGroupArn"]: g["Weight"] for g in action["ForwardConfig"]["TargetGroups"]}
    assert weights == {shop.stack.target_group: 100, shop.stack.target_group_2: 0}


async def test_a_listeners_default_action_is_steered_as_well(shop: Shop) -> None:
    elb = shop.box.session().client("elbv2")
    elb.delete_rule(RuleArn=shop.stack.rule)
    plain = [{"Type": "forward", "TargetGroupArn": shop.stack.target_group}]
    elb.modify_listener(ListenerArn=shop.stack.listener, DefaultActions=plain)

    def now() -> Any:
        found = elb.describe_listeners(ListenerArns=[shop.stack.listener])
        return found["Listeners"][0]["DefaultActions"]

    before = now()
    fence = await shop.start()
    await shop.give(10, fence)
    assert (await shop.platform.router.read(shop.service)).weight == 10
    await shop.platform.router.restore(shop.service, V1, V2, fence)
    await shop.platform.orchestrator.remove(shop.service, V2, fence)
    assert now() == before


async def test_both_arms_are_counted_with_their_latency(shop: Shop) -> None:
    fence = await shop.start()
    await shop.give(50, fence)
    url = await asyncio.to_thread(shop.box.wait_for_url, shop.stack.front)
    await asyncio.sleep(3 * shop.box.options.period_s)
    read = shop.platform.metrics.read
    before = await read(shop.service, V1, V2)
    assert await requests(url, 200) == {200: 200}
    deadline = asyncio.get_running_loop().time() + 15

    def total(arms: Any) -> int:
        return sum(sample.requests for arm in arms for sample in arm)

    while True:
        after = await read(shop.service, V1, V2)
        counted = total((after.canary, after.stable)) - total((before.canary, before.stable))
        if counted >= 200 or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.5)
    assert counted == 200
    (canary,) = after.canary
    assert 0 < canary.timed <= canary.requests
    assert canary.counts[-1] == canary.timed
    assert canary.errors == 0


async def test_a_group_with_two_rules_is_refused_before_anything_is_made(shop: Shop) -> None:
    elb = shop.box.session().client("elbv2")
    elb.create_rule(
        ListenerArn=shop.stack.listener,
        Priority=20,
        Conditions=[{"Field": "path-pattern", "Values": ["/other"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": shop.stack.target_group}],
    )
    with pytest.raises(ProviderRefused, match="several listeners or rules"):
        await shop.platform.orchestrator.plan(shop.service, V2)
    named = replace(shop.service, settings={**shop.service.settings, "rule": shop.stack.rule})
    with pytest.raises(ProviderRefused, match="as well"):
        await shop.platform.orchestrator.start(named, V2, None, Fence("r1", 1))
    assert await shop.inventory.find() == ()


async def test_a_divided_rule_is_refused(shop: Shop) -> None:
    actions = shop.actions
    for one in actions[0]["ForwardConfig"]["TargetGroups"]:
        one["Weight"] = 50
    shop.modify(actions)
    with pytest.raises(ProviderRefused, match="divided already"):
        await shop.platform.orchestrator.plan(shop.service, V2)
