"""The data plane behind App Mesh: real tasks, real sidecars, real requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_agent import query, start_agent, total
from tests.support.aws_traffic import Met, flow, send
from tests.support.waiting import wait_until

from chimera.sandbox import Options, Sandbox
from chimera.sandbox.faults import Rule
from chimera.sandbox.seed import Stack, build


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options()) as started:
        yield started


@pytest.fixture(scope="module")
def stack(box: Sandbox) -> Stack:
    """Version 1 as the stable node, version 3 (a tenth of its answers fail) as another."""
    built = build(box.session(), tasks=1)
    ecs, appmesh = box.session().client("ecs"), box.session().client("appmesh")
    node = appmesh.describe_virtual_node(meshName=built.mesh, virtualNodeName=built.virtual_node)
    spec = node["virtualNode"]["spec"]
    spec["serviceDiscovery"]["awsCloudMap"]["attributes"][0]["value"] = "logo-canary"
    appmesh.create_virtual_node(meshName=built.mesh, virtualNodeName="canary", spec=spec)
    found = ecs.describe_task_definition(taskDefinition=built.family)["taskDefinition"]
    app, envoy = found["containerDefinitions"]
    app["image"] = f"{built.image}:3"
    arn = envoy["environment"][0]
    arn["value"] = arn["value"].replace(built.virtual_node, "canary")
    ecs.register_task_definition(
        family="logo-canary",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=built.execution_role,
        containerDefinitions=[app, envoy],
    )
    service = ecs.describe_services(cluster=built.cluster, services=[built.service])["services"][0]
    ecs.create_service(
        cluster=built.cluster,
        serviceName="logo-canary",
        taskDefinition="logo-canary",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=service["networkConfiguration"],
        serviceRegistries=service["serviceRegistries"],
    )
    _reach(box, "logo-canary")
    return built


def _reach(box: Sandbox, service: str, count: int = 1) -> None:
    ecs = box.session().client("ecs")

    def done() -> bool:
        (found,) = ecs.describe_services(cluster="practice", services=[service])["services"]
        return bool(found["deployments"][0]["rolloutState"] == "COMPLETED")

    wait_until(done, within_s=60)


def _weigh(box: Sandbox, stack: Stack, canary: int) -> None:
    targets = [
        {"virtualNode": stack.virtual_node, "weight": 100 - canary},
        {"virtualNode": "canary", "weight": canary},
    ]
    box.session().client("appmesh").update_route(
        meshName=stack.mesh,
        virtualRouterName=stack.virtual_router,
        routeName=stack.route,
        spec={"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}},
    )


async def _until_served(url: str, *versions: str) -> None:
    deadline = time.monotonic() + 15
    while set((await send(url, 60)).versions) != set(versions):
        assert time.monotonic() < deadline


async def test_requests_split_as_the_route_says(box: Sandbox, stack: Stack) -> None:
    url = box.wait_for_url(stack.front)
    _weigh(box, stack, 10)
    await _until_served(url, "1", "3")
    met = await send(url, 1500)
    assert met.lost == 0
    # 10 % of 1,500 is 150; four standard deviations are 46.
    assert 104 <= met.versions["3"] <= 196


async def test_a_changed_route_is_followed_after_the_propagation_delay(
    box: Sandbox, stack: Stack
) -> None:
    url = box.wait_for_url(stack.front)
    _weigh(box, stack, 100)
    await _until_served(url, "3")
    _weigh(box, stack, 0)
    changed = time.monotonic()
    last = changed
    quiet = 0
    while quiet < 20:
        seen = (await send(url, 5, workers=1)).versions["3"]
        last, quiet = (time.monotonic(), 0) if seen else (last, quiet + 1)
    assert last - changed > 0.3
    assert set((await send(url, 100)).versions) == {"1"}


async def test_errors_that_clients_count_are_those_that_cloudwatch_sums(
    box: Sandbox, stack: Stack
) -> None:
    session, namespace = box.session(), "Counted"
    canary = Stack(**{**stack.as_dict(), "family": "logo-canary"})
    url = box.wait_for_url(stack.front)
    _weigh(box, stack, 100)
    await _until_served(url, "3")
    start_agent(session, stack, namespace)
    cloudwatch = session.client("cloudwatch")
    began = time.time() - 60
    asked = [query(canary, namespace, code) for code in (2, 5)]

    def sums() -> list[float]:
        return [total(cloudwatch, one, began) for one in asked]

    # Both classes have been seen once: from here on nothing is dropped as a first sample.
    async def seen() -> bool:
        await send(url, 60)
        return all(sums())

    deadline = time.monotonic() + 30
    while not await seen():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.3)
    await asyncio.sleep(2.2)
    before = await asyncio.to_thread(sums)
    met = await send(url, 600)
    expected = [met.statuses[200], met.statuses[500]]
    assert met.errors > 20

    def counted() -> bool:
        return [now - then for now, then in zip(sums(), before, strict=True)] == expected

    await asyncio.to_thread(wait_until, counted, within_s=90)


async def test_the_agent_drops_the_first_sample_and_stops_with_its_service(
    box: Sandbox, stack: Stack
) -> None:
    session, namespace = box.session(), "Dropped"
    url = box.wait_for_url(stack.front)
    _weigh(box, stack, 0)
    await _until_served(url, "1")
    await send(url, 100)
    service = start_agent(session, stack, namespace)
    metrics = box.world.region(stack.region).metrics
    cloudwatch = session.client("cloudwatch")

    def series() -> list[Any]:
        with box.world.lock:
            return [one for space, _, one in metrics.listed() if space == namespace]

    await asyncio.to_thread(wait_until, series)
    # What had happened before the agent's first look is never published.
    assert total(cloudwatch, query(stack, namespace, 2), time.time() - 60) < 100
    session.client("ecs").update_service(cluster=stack.cluster, service=service, desiredCount=0)
    ecs = session.client("ecs")

    def gone() -> bool:
        (found,) = ecs.describe_services(cluster=stack.cluster, services=[service])["services"]
        return bool(found["runningCount"] == 0)

    await asyncio.to_thread(wait_until, gone)
    await asyncio.sleep(1.2)
    number = sum(len(one.samples) for one in series())
    await send(url, 20)
    await asyncio.sleep(2.2)
    assert sum(len(one.samples) for one in series()) == number


async def test_replacing_every_task_loses_no_request(box: Sandbox, stack: Stack) -> None:
    url = box.wait_for_url(stack.front)
    _weigh(box, stack, 0)
    await _until_served(url, "1")
    ecs = box.session().client("ecs")
    met, stop = Met(), asyncio.Event()
    users = asyncio.create_task(flow(url, stop, met, workers=8))
    (old,) = ecs.list_tasks(cluster="practice", serviceName="logo")["taskArns"]
    ecs.update_service(cluster="practice", service="logo", forceNewDeployment=True)
    await asyncio.to_thread(_reach, box, "logo")
    (new,) = ecs.list_tasks(cluster="practice", serviceName="logo")["taskArns"]
    stop.set()
    await users
    assert new != old
    assert met.sent > 20
    assert (met.errors, met.lost) == (0, 0)


async def test_a_crashed_task_is_explained_and_replaced(box: Sandbox, stack: Stack) -> None:
    ecs = box.session().client("ecs")
    rule = Rule(fault="crash", image="logo:1", seconds=0.1, times=1)
    box.faults.add(rule)
    ecs.update_service(cluster="practice", service="logo", desiredCount=2)

    def explained() -> str:
        (found,) = ecs.describe_services(cluster="practice", services=["logo"])["services"]
        told = [one["message"] for one in found["events"]]
        return next((one for one in told if "Essential container in task exited" in one), "")

    assert "stopped" in await asyncio.to_thread(wait_until, explained)
    await asyncio.to_thread(_settle, ecs, 2)
    box.faults.remove(rule)
    ecs.update_service(cluster="practice", service="logo", desiredCount=1)
    await asyncio.to_thread(_settle, ecs, 1)


def _settle(ecs: Any, count: int) -> None:
    def settled() -> bool:
        (found,) = ecs.describe_services(cluster="practice", services=["logo"])["services"]
        return bool(found["runningCount"] == count and found["pendingCount"] == 0)

    wait_until(settled, within_s=90)
