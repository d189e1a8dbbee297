"""A preparation is undone also where nothing of the cluster tells its network any more."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from chimera.core.errors import ProviderRefused
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.session import Accounts
from chimera.platforms.aws.setup import prepare
from chimera.sandbox import Sandbox
from chimera.sandbox.seed import build


async def test_it_needs_no_service_and_closes_the_groups_of_those_that_left(box: Sandbox) -> None:
    name, session, accounts = f"left-{secrets.token_hex(3)}", box.session(), Accounts()
    ecs, ec2 = session.client("ecs"), session.client("ec2")
    stack = await asyncio.to_thread(build, session, service=name, cluster=name, tasks=0, wait_s=0)
    late = ec2.create_security_group(GroupName=name, Description="late", VpcId=stack.vpc)["GroupId"]
    (like,) = ecs.describe_services(cluster=name, services=[name])["services"]
    network = like["networkConfiguration"]
    network["awsvpcConfiguration"]["securityGroups"] = [late]
    ecs.create_service(
        cluster=name,
        serviceName="late",
        taskDefinition=like["taskDefinition"],
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=network,
    )
    before = opened(ec2, stack.security_group, late)
    await (await prepare(accounts, Identity(), name)).apply()
    assert opened(ec2, stack.security_group, late) != before
    for service in (name, "late"):
        ecs.delete_service(cluster=name, service=service, force=True)
    setup = await prepare(accounts, Identity(), name)
    for work in (setup.plan, setup.apply):
        with pytest.raises(ProviderRefused, match="tells subnets and security groups"):
            await work()
    assert len(await setup.removal()) == len(setup.parts)
    assert len(await setup.remove()) == len(setup.parts)
    assert await setup.removal() == ()
    assert opened(ec2, stack.security_group, late) == before
    accounts.close()


def opened(ec2: Any, *groups: str) -> list[Any]:
    """Return what comes in to these groups."""
    found = ec2.describe_security_groups(GroupIds=list(groups))["SecurityGroups"]
    return sorted((one["GroupId"], str(one["IpPermissions"])) for one in found)
