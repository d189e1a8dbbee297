"""The data plane behind a load balancer, and the metrics that it publishes by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from tests.support.aws_errors import refused
from tests.support.aws_traffic import send
from tests.support.waiting import wait_until

from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import Stack, build


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options()) as started:
        yield started


@pytest.fixture(scope="module")
def elb(box: Sandbox) -> Any:
    return box.session().client("elbv2")


@pytest.fixture(scope="module")
def stack(box: Sandbox, elb: Any) -> Stack:
    """Version 1 in the first target group, version 3 in the second."""
    built = build(box.session(), kind="alb", tasks=1)
    ecs = box.session().client("ecs")
    found = ecs.describe_task_definition(taskDefinition=built.family)["taskDefinition"]
    (app,) = found["containerDefinitions"]
    app["image"] = f"{built.image}:3"
    ecs.register_task_definition(
        family="logo-canary",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=built.execution_role,
        containerDefinitions=[app],
    )
    service = ecs.describe_services(cluster=built.cluster, services=[built.service])["services"][0]
    ecs.create_service(
        cluster=built.cluster,
        serviceName="logo-canary",
        taskDefinition="logo-canary",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=service["networkConfiguration"],
        loadBalancers=[
            {
                "targetGroupArn": built.target_group_2,
                "containerName": built.container,
                "containerPort": built.port,
            }
        ],
    )
    for group in (built.target_group, built.target_group_2):
        wait_until(partial(_is_healthy, elb, group), within_s=60)
    return built


def _is_healthy(elb: Any, group: str) -> bool:
    return _states(elb, group) == ["healthy"]


def _states(elb: Any, group: str) -> list[str]:
    found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return [one["TargetHealth"]["State"] for one in found]


def _weigh(elb: Any, stack: Stack, first: int, second: int, sticky: int = 0) -> None:
    forward: dict[str, Any] = {
        "TargetGroups": [
            {"TargetGroupArn": stack.target_group, "Weight": first},
            {"TargetGroupArn": stack.target_group_2, "Weight": second},
        ]
    }
    if sticky:
        forward["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    elb.modify_rule(RuleArn=stack.rule, Actions=[{"Type": "forward", "ForwardConfig": forward}])


async def _until_served(url: str, *versions: str) -> None:
    deadline = time.monotonic() + 15
    while set((await send(url, 60)).versions) != set(versions):
        assert time.monotonic() < deadline


async def test_requests_split_as_the_rule_weighs(box: Sandbox, elb: Any, stack: Stack) -> None:
    url = box.wait_for_url(stack.front)
    _weigh(elb, stack, 900, 100)
    await _until_served(url, "1", "3")
    met = await send(url, 1500)
    assert met.lost == 0
    assert 104 <= met.versions["3"] <= 196  # 150 and four standard deviations


async def test_a_cookie_keeps_users_with_their_group_when_weights_change(
    box: Sandbox, elb: Any, stack: Stack
) -> None:
    from chimera.sandbox.plane.topology import group_pool

    url = box.wait_for_url(stack.front)
    _weigh(elb, stack, 1, 0, sticky=60)
    cookie = f"AWSALBTG={group_pool(stack.region, stack.target_group_2)}"

    async def kept() -> bool:
        return set((await send(url, 30, cookie=cookie)).versions) == {"3"}

    deadline = time.monotonic() + 15
    while not await kept():
        assert time.monotonic() < deadline
    assert set((await send(url, 100)).versions) == {"1"}
    _weigh(elb, stack, 1, 0)
    await _until_served(url, "1")


async def test_the_balancer_counts_what_clients_met_per_group(
    box: Sandbox, elb: Any, stack: Stack
) -> None:
    url = box.wait_for_url(stack.front)
    _weigh(elb, stack, 0, 1)
    await _until_served(url, "3")
    await asyncio.sleep(2.1)
    cloudwatch = box.session().client("cloudwatch")
    names = ("RequestCount", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_5XX_Count")
    before = await asyncio.to_thread(_sums, cloudwatch, stack, names)
    met = await send(url, 600)
    assert met.errors > 20
    expected = [600, met.statuses[200], met.statuses[500]]

    def counted() -> bool:
        now = _sums(cloudwatch, stack, names)
        return [a - b for a, b in zip(now, before, strict=True)] == expected

    await asyncio.to_thread(wait_until, counted, within_s=90)
    p99 = await asyncio.to_thread(_values, cloudwatch, stack, "TargetResponseTime", "p99")
    assert p99
    assert all(0 < value < 5 for value in p99)


def _sums(cloudwatch: Any, stack: Stack, names: tuple[str, ...]) -> list[float]:
    return [sum(_values(cloudwatch, stack, name, "Sum")) for name in names]


def _values(cloudwatch: Any, stack: Stack, name: str, stat: str) -> list[float]:
    dimensions = [
        {"Name": "TargetGroup", "Value": stack.target_group_2.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": stack.load_balancer.partition("loadbalancer/")[2]},
    ]
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "m", "MetricStat": {"Metric": metric, "Period": 1, "Stat": stat}}
        ],
        StartTime=datetime.fromtimestamp(time.time() - 120, UTC),
        EndTime=datetime.fromtimestamp(time.time() + 5, UTC),
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


@pytest.mark.parametrize("weight", [-1, 1000])
def test_a_weight_outside_0_to_999_is_refused(elb: Any, stack: Stack, weight: int) -> None:
    with refused("ValidationError", "999"):
        _weigh(elb, stack, weight, 0)


def test_more_than_5_groups_are_refused(elb: Any, stack: Stack) -> None:
    groups = [{"TargetGroupArn": f"{stack.target_group}{i}", "Weight": 1} for i in range(6)]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    with refused("TooManyTargetGroups"):
        elb.modify_rule(RuleArn=stack.rule, Actions=[action])


def test_a_group_that_a_rule_uses_cannot_be_deleted(elb: Any, stack: Stack) -> None:
    with refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=stack.target_group_2)


def test_ecs_refuses_a_group_that_no_balancer_uses(box: Sandbox, elb: Any, stack: Stack) -> None:
    arn = elb.create_target_group(
        Name="lonely", Protocol="HTTP", Port=8080, VpcId=stack.vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    with refused("InvalidParameterException", "does not have an associated load balancer"):
        box.session().client("ecs").create_service(
            cluster=stack.cluster,
            serviceName="lonely",
            taskDefinition="logo-canary",
            networkConfiguration={"awsvpcConfiguration": {"subnets": list(stack.subnets)}},
            loadBalancers=[{"targetGroupArn": arn, "containerName": "app", "containerPort": 8080}],
        )
    elb.delete_target_group(TargetGroupArn=arn)


def test_an_unknown_listener_rule_or_group_is_not_found(elb: Any, stack: Stack) -> None:
    with refused("TargetGroupNotFound"):
        elb.describe_target_health(TargetGroupArn=f"{stack.target_group}0")
