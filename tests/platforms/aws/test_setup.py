"""The one-time preparation of a cluster: planned, made once, used, and undone without a trace."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.support.aws import configured, mesh_service

from chimera.core.errors import ProviderRefused
from chimera.core.model import Service
from chimera.platforms.aws.agent import Agent
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.platforms.aws.session import Accounts
from chimera.platforms.aws.setup import Setup, prepare
from chimera.platforms.memory import MemoryInventory
from chimera.ports.platform import Check
from chimera.sandbox import Options, Sandbox
from chimera.sandbox.seed import Stack, build

NAMESPACE = "shop/metrics"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(Options(speed=60)) as box:
        yield box


@pytest.fixture(scope="module")
def stack(box: Sandbox) -> Stack:
    return build(box.session(), kind="appmesh", service="logo", tasks=1)


@pytest.fixture
async def accounts(box: Sandbox, stack: Stack) -> AsyncIterator[Accounts]:
    with configured(box):
        accounts = Accounts()
        yield accounts
        accounts.close()


async def prepared(accounts: Accounts, cluster: str = "practice") -> Setup:
    return await prepare(accounts, Identity(), cluster, namespace=NAMESPACE)


def listing(box: Sandbox) -> dict[str, Any]:
    """List all that a setup could touch."""
    session = box.session()
    ecs, ec2, iam = session.client("ecs"), session.client("ec2"), session.client("iam")
    groups = ec2.describe_security_groups()["SecurityGroups"]
    services = ecs.list_services(cluster="practice")["serviceArns"]
    return {
        "groups": {one["GroupId"]: one["IpPermissions"] for one in groups},
        "roles": sorted(one["RoleName"] for one in iam.list_roles()["Roles"]),
        "services": sorted(services),
        "definitions": sorted(ecs.list_task_definitions()["taskDefinitionArns"]),
    }


async def test_it_is_planned_made_once_and_undone_without_a_trace(
    box: Sandbox, accounts: Accounts
) -> None:
    before = listing(box)
    setup = await prepared(accounts)
    box.calls.clear()
    planned = await setup.plan()
    assert [entry.action for entry in box.calls.last(writes=True)] == []
    assert [change.permission for change in planned] == [
        "ec2:CreateSecurityGroup",
        "ec2:AuthorizeSecurityGroupIngress",
        "iam:CreateRole",
        "iam:CreateRole",
        "ecs:RegisterTaskDefinition",
        "ecs:CreateService",
    ]
    assert await setup.apply() == planned
    assert await setup.plan() == ()
    box.calls.clear()
    assert await (await prepared(accounts)).apply() == ()
    assert [entry.action for entry in box.calls.last(writes=True)] == []
    nobody = json.dumps(listing(box)["groups"])
    assert "0.0.0.0/0" not in nobody
    assert "::/0" not in nobody
    assert len(await setup.removal()) == len(planned)
    removed = await setup.remove()
    assert len(removed) == len(planned)
    assert await setup.remove() == ()
    assert listing(box) == before


async def test_the_agent_publishes_what_the_platform_reads(
    box: Sandbox, accounts: Accounts, stack: Stack
) -> None:
    setup = await prepared(accounts)
    await setup.apply()
    cloudwatch = box.session().client("cloudwatch")
    url = await asyncio.to_thread(box.wait_for_url, stack.front)
    deadline = time.monotonic() + 30
    found: list[Any] = []
    from tests.support.aws import requests

    while not found and time.monotonic() < deadline:
        await requests(url, 20)
        await asyncio.sleep(0.5)
        found = cloudwatch.list_metrics(Namespace=NAMESPACE)["Metrics"]
    assert found
    names = [one["Name"] for one in found[0]["Dimensions"]]
    assert names == [
        "ClusterName",
        "TaskDefinitionFamily",
        "envoy_http_conn_manager_prefix",
        "envoy_response_code_class",
    ]
    await setup.remove()


async def test_its_plan_names_the_envoys_that_it_will_not_read(
    box: Sandbox, accounts: Accounts
) -> None:
    planned = await (await prepared(accounts)).plan()
    assert not [change for change in planned if "NOT those of" in change.why]
    ecs = box.session().client("ecs")
    (logo,) = ecs.describe_services(cluster="practice", services=["logo"])["services"]
    found = ecs.describe_task_definition(taskDefinition="logo")["taskDefinition"]
    kept = ("containerDefinitions", "networkMode", "cpu", "memory", "executionRoleArn")
    bare = {key: found[key] for key in kept}
    bare["containerDefinitions"][1].pop("dockerLabels")
    ecs.register_task_definition(
        family="bare", **bare, requiresCompatibilities=["FARGATE"], taskRoleArn=found["taskRoleArn"]
    )
    ecs.create_service(
        cluster="practice",
        serviceName="bare",
        taskDefinition="bare",
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=logo["networkConfiguration"],
    )
    (made,) = [
        change
        for change in await (await prepared(accounts)).plan()
        if change.permission == "ecs:RegisterTaskDefinition"
    ]
    assert "NOT those of bare: its container 'envoy' lacks the docker labels" in made.why
    ecs.delete_service(cluster="practice", service="bare", force=True)
    ecs.deregister_task_definition(taskDefinition="bare:1")


async def test_a_change_of_its_namespace_replaces_the_agent_alone(
    box: Sandbox, accounts: Accounts
) -> None:
    await (await prepared(accounts)).apply()
    other = await prepare(accounts, Identity(), "practice", namespace="other/metrics")
    changed = await other.apply()
    assert [change.permission for change in changed] == [
        "ecs:RegisterTaskDefinition",
        "ecs:CreateService",
    ]
    assert await other.plan() == ()
    await other.remove()


async def test_the_doctor_tells_a_group_that_came_later_and_setup_opens_it(
    box: Sandbox, accounts: Accounts, stack: Stack
) -> None:
    await (await prepared(accounts)).apply()
    session = box.session()
    ecs, ec2 = session.client("ecs"), session.client("ec2")
    own = ec2.create_security_group(GroupName="own", Description="late", VpcId=stack.vpc)["GroupId"]
    (like,) = ecs.describe_services(cluster="practice", services=["logo"])["services"]
    network = like["networkConfiguration"]
    network["awsvpcConfiguration"]["securityGroups"] = [own]
    ecs.create_service(
        cluster="practice",
        serviceName="late",
        taskDefinition=like["taskDefinition"],
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=network,
        serviceRegistries=like["serviceRegistries"],
    )
    platform = EcsAppMeshPlatform(MemoryInventory(), "")
    service = mesh_service(box, stack, service="late", namespace=NAMESPACE)
    wrong = await agents_check(platform, service)
    assert (wrong.ok, own in wrong.detail) == (False, True)
    assert wrong.fix.startswith(f"chimera setup practice --namespace {NAMESPACE}")
    assert [change.permission for change in await (await prepared(accounts)).apply()] == [
        "ec2:AuthorizeSecurityGroupIngress"
    ]
    assert (await agents_check(platform, service)).ok
    await platform.close()
    await (await prepared(accounts)).remove()
    ecs.delete_service(cluster="practice", service="late", force=True)
    ec2.delete_security_group(GroupId=own)


async def agents_check(platform: EcsAppMeshPlatform, service: Service) -> Check:
    """Return what the doctor says of the agent, once it runs."""
    for _ in range(100):
        (found,) = [c for c in await platform.examine(service) if c.name == "agent of practice"]
        if "does not run" not in found.detail:
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(found)


async def test_what_bears_its_name_but_is_not_its_own_is_left_alone(
    box: Sandbox, accounts: Accounts, stack: Stack
) -> None:
    ec2 = box.session().client("ec2")
    group = ec2.create_security_group(
        GroupName="chimera-agent-practice", Description="mine", VpcId=stack.vpc
    )["GroupId"]
    setup = await prepared(accounts)
    for work in (setup.plan, setup.apply, setup.removal, setup.remove):
        with pytest.raises(ProviderRefused, match="not made by chimera setup"):
            await work()
    ec2.delete_security_group(GroupId=group)


async def test_a_cluster_that_does_not_exist_is_refused(accounts: Accounts) -> None:
    with pytest.raises(ProviderRefused, match="no cluster 'nowhere'") as refused:
        await prepared(accounts, "nowhere")
    assert refused.value.hint


def test_names_fit_whatever_the_cluster_is_called() -> None:
    agent = Agent("c" * 100, "eu-west-1", "1" * 12)
    assert len(agent.task_role) <= 64
    assert agent.task_role != Agent("c" * 101, "eu-west-1", "1" * 12).task_role
    policy = agent.inline_policy()
    assert all("*" not in action for one in policy["Statement"] for action in one["Action"])
