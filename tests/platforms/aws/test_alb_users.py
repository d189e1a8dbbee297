"""What users meet behind a load balancer: canaries that hang up, cookies, a rule made anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.alb import alb_stack, rule_actions
from tests.support.alb_story import AlbStory
from tests.support.aws import push, requests
from tests.support.aws_traffic import send
from tests.support.eventually import eventually

from chimera.core.model import Fence, Split
from chimera.platforms.aws.cloudwatch import CloudWatchMetrics
from chimera.platforms.aws.estate import Version
from chimera.sandbox import Sandbox
from chimera.sandbox.plane.topology import group_pool

SOON = timedelta(seconds=5)


@pytest.fixture
async def told(box: Sandbox) -> AsyncIterator[AlbStory]:
    made = AlbStory(box, await asyncio.to_thread(alb_stack, box, tasks=1))
    yield made
    await made.platform.close()


def published(told: AlbStory, *dimensions: str) -> dict[str, float]:
    """Return the sums of what the load balancer published with just these dimensions, by name."""
    metrics = told.box.world.region(told.stack.region).metrics
    mine = told.stack.load_balancer.partition("loadbalancer/")[2]
    with told.box.world.lock:
        return {
            name: sum(value * count for one in series.samples for value, count in one.values)
            for _, name, series in metrics.listed()
            if dict(series.dimensions).get("LoadBalancer") == mine
            and {key for key, _ in series.dimensions} == set(dimensions)
        }


async def test_a_canary_that_hangs_up_on_its_users_is_seen_to_fail(told: AlbStory) -> None:
    await asyncio.to_thread(push, told.box, told.stack.service, "rude")
    platform, service = told.platform, told.service
    canary = platform.revision(service, version="rude", image="")
    await platform.orchestrator.start(service, canary, None, Fence("r1", 1))
    await platform.router.set_weights(service, Split("v1", "rude", 50), Fence("r1", 2), SOON)
    url = await asyncio.to_thread(told.box.wait_for_url, told.stack.front)
    lost = 0
    while lost < 10:
        met = await requests(url, 40)
        lost += met[502] + met[503]
        assert met.keys() <= {200, 502, 503}

    async def counted() -> bool:
        found = await platform.metrics.read(service, told.v1, canary)
        assert sum(one.errors for one in found.stable) == 0
        return sum(one.errors for one in found.canary) >= lost

    await eventually(counted, within_s=60, every_s=0.5)
    of_groups = published(told, "TargetGroup", "LoadBalancer")
    assert "HTTPCode_ELB_5XX_Count" not in of_groups  # as on AWS
    assert "HTTPCode_Target_5XX_Count" not in of_groups
    assert published(told, "LoadBalancer")["HTTPCode_ELB_5XX_Count"] >= lost
    await told.platform.router.restore(service, told.v1, canary, Fence("r1", 3))


async def test_a_rollback_takes_sticky_users_off_the_canary(told: AlbStory) -> None:
    told.stick(600)
    await told.until(100)
    (version,) = {
        str(one.detail["backend"])
        for one in await told.inventory.find(kind="ecs-service", revision="v2")
    }
    cookie = f"AWSALBTG={group_pool(told.stack.region, version)}"
    url = await asyncio.to_thread(told.box.wait_for_url, told.stack.front)

    async def meets(name: str) -> bool:
        return set((await send(url, 20, cookie=cookie)).versions) == {name}

    await eventually(lambda: meets("v2"), within_s=60, every_s=0.2)
    await told.restore()
    await eventually(lambda: meets("v1"), within_s=60, every_s=0.2)
    await told.remove(told.v2)


async def test_failed_calls_of_grpc_are_not_counted(told: AlbStory) -> None:
    elb, metrics = told.box.session().client("elbv2"), told.platform.metrics
    assert isinstance(metrics, CloudWatchMetrics)
    assert await metrics.uncounted(told.service, told.v1) == ""
    made = elb.create_target_group(
        Name=f"{told.stack.service}-grpc",
        Protocol="HTTP",
        ProtocolVersion="GRPC",
        Port=8080,
        VpcId=told.stack.vpc,
        TargetType="ip",
    )
    group = made["TargetGroups"][0]["TargetGroupArn"]
    site = await told.platform._sites.of(told.service)
    version = Version(told.v1, "shop", "shop", group)
    assert "HTTP 200" in await metrics._map.uncounted(site, version)
    elb.delete_target_group(TargetGroupArn=group)


async def test_web_sockets_are_not_taken_for_failures(told: AlbStory) -> None:
    site = await told.platform._sites.of(told.service)
    version = Version(told.v1, "shop", "shop", told.stack.target_group)
    metrics = told.platform.metrics
    assert isinstance(metrics, CloudWatchMetrics)
    assert len((await metrics._map.streams(site, version)).answered) == 3
    settings = {**told.service.settings, "webSockets": True}
    site = await told.platform._sites.of(replace(told.service, settings=settings))
    arm = await metrics._map.streams(site, version)
    assert arm.answered == ()
    assert [one.metric for one in arm.errors] == [
        "HTTPCode_Target_5XX_Count",
        "TargetConnectionErrorCount",
    ]


async def test_a_rule_that_was_made_anew_is_found_again(told: AlbStory) -> None:
    await told.until(20)
    elb: Any = told.box.session().client("elbv2")
    actions = rule_actions(told.box, told.stack)
    (rule,) = elb.describe_rules(RuleArns=[told.stack.rule])["Rules"]
    elb.delete_rule(RuleArn=told.stack.rule)
    elb.create_rule(
        ListenerArn=told.stack.listener,
        Priority=int(rule["Priority"]),
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=actions,
    )
    assert await told.platform.router.read(told.service) == Split("v1", "v2", 20)
    await told.roll_back()
    assert await told.inventory.find() == ()
