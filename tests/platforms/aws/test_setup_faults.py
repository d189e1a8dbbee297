"""A preparation that is cut off, unheard or throttled at any write ends as an undisturbed one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from tests.support.aws import shared_box
from tests.support.aws_deaths import Deaths

from chimera.core.errors import ProviderDenied
from chimera.core.model import Change
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.permissions import ALSO, SETUP, actions
from chimera.platforms.aws.session import Accounts
from chimera.platforms.aws.setup import Setup, prepare
from chimera.sandbox import Sandbox
from chimera.sandbox.calls import is_write
from chimera.sandbox.faults import Rule
from chimera.sandbox.seed import Stack, build

T = TypeVar("T")
WRITES = {
    call for call in actions(["ecs-appmesh"], [SETUP]) if is_write(call.partition(":")[2])
} - {permission for more in ALSO.values() for permission in more}
# A change of the agent's settings alone updates its service; nothing else does.
ONLY_BY_CHANGE = {"ecs:UpdateService"}
TROUBLES: dict[str, tuple[Rule, ...]] = {
    "killed at every write": (),
    "lost replies": tuple(
        Rule(fault="lost-reply", service=service, action=action, times=1)
        for service, _, action in (call.partition(":") for call in sorted(WRITES))
    ),
    "throttled": (Rule(fault="throttle", probability=0.5),),
}
_stacks: list[Stack] = []


class Cluster:
    """A cluster with one service, prepared by one controller after another."""

    def __init__(self, box: Sandbox, stack: Stack) -> None:
        self.box, self.stack = box, stack
        self.deaths = Deaths()
        self.accounts = Accounts()
        self.accounts.hooks.append(self.deaths.hear)

    async def revive(self) -> None:
        """Let another controller go on."""
        self.accounts.close()
        self.accounts = Accounts()
        self.accounts.hooks.append(self.deaths.hear)

    async def through(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do a step; only one that is killed needs another controller."""
        if self.deaths.deadly:
            return await self.deaths.step(name, work, self.revive)
        return await work()

    async def setup(self, namespace: str = "shop/metrics") -> Setup:
        """Look at the cluster."""
        return await prepare(self.accounts, Identity(), self.stack.cluster, namespace=namespace)

    async def apply(self) -> tuple[Change, ...]:
        """Make what is missing."""
        return await (await self.setup()).apply()

    async def remove(self) -> tuple[Change, ...]:
        """Take away what was made."""
        return await (await self.setup()).remove()

    def listing(self) -> dict[str, Any]:
        """List all that a setup could touch in this cluster, as AWS itself tells."""
        session, mine = self.box.session(), f"chimera-agent-{self.stack.cluster}"
        ecs, ec2, iam = session.client("ecs"), session.client("ec2"), session.client("iam")
        groups = ec2.describe_security_groups()["SecurityGroups"]
        names = {one["GroupId"]: one["GroupName"] for one in groups}
        roles = [one["RoleName"] for one in iam.list_roles()["Roles"]]
        where = {"cluster": self.stack.cluster}
        revisions = [
            arn.rpartition("/")[2]
            for status in ("ACTIVE", "INACTIVE")
            for arn in ecs.list_task_definitions(familyPrefix=mine, status=status)[
                "taskDefinitionArns"
            ]
        ]
        return {
            "groups": {one["GroupName"]: _open(one, names) for one in groups},
            "roles": {one: _policies(iam, one) for one in roles if self.stack.cluster in one},
            "services": sorted(ecs.list_services(**where)["serviceArns"]),
            "definitions": revisions,
        }


def _open(group: dict[str, Any], names: dict[str, str]) -> list[Any]:
    """Return which ports a group opens for whom; groups by their names."""
    found = []
    for one in group["IpPermissions"]:
        assert not one["IpRanges"]
        assert not one["Ipv6Ranges"]
        who = sorted(names[pair["GroupId"]] for pair in one["UserIdGroupPairs"])
        found.append((one["IpProtocol"], one.get("FromPort"), one.get("ToPort"), who))
    return found


def _policies(iam: Any, role: str) -> list[str]:
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    inline: list[str] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return sorted([*inline, *(one["PolicyName"] for one in attached)])


@pytest.fixture
async def cluster(box: Sandbox) -> AsyncIterator[Cluster]:
    """A cluster of its own, as it was before any preparation, with nothing wrong yet."""
    if not _stacks or _stacks[0].account != shared_box().account:
        name = f"setup-{secrets.token_hex(3)}"
        make = partial(build, box.session(), service=name, cluster=name, tasks=0, wait_s=0)
        _stacks[:] = [await asyncio.to_thread(make)]
    made = Cluster(box, _stacks[0])
    yield made
    box.faults.set([])
    made.deaths.deadly = False
    await made.remove()
    made.accounts.close()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_it_ends_as_planned_and_is_undone_exactly(cluster: Cluster, trouble: str) -> None:
    before = cluster.listing()
    await cluster.apply()
    wanted = cluster.listing()
    await cluster.remove()
    assert cluster.listing() == before
    cluster.box.faults.set(TROUBLES[trouble])
    cluster.deaths = Deaths(deadly=trouble == "killed at every write")
    await cluster.revive()
    await cluster.through("apply", cluster.apply)
    cluster.box.faults.set([])  # what the test itself asks is answered
    made = cluster.listing()
    cluster.box.faults.set(TROUBLES[trouble])
    assert {**made, "definitions": []} == {**wanted, "definitions": []}
    assert len(made["definitions"]) == len(wanted["definitions"])
    assert await cluster.through("again", cluster.apply) == ()
    await cluster.through("remove", cluster.remove)
    cluster.box.faults.set([])
    assert cluster.listing() == before
    cluster.deaths.check()
    sent = {call.replace(" ", ":") for call in cluster.deaths.writes}
    assert sent == WRITES - ONLY_BY_CHANGE


@pytest.mark.parametrize("call", sorted(WRITES - ONLY_BY_CHANGE))
async def test_a_missing_permission_is_named_and_the_rest_goes_on_from_there(
    cluster: Cluster, call: str
) -> None:
    before = cluster.listing()
    service, _, action = call.partition(":")
    denied = Rule(fault="denied", service=service, action=action)
    cluster.box.faults.set([denied])

    async def once() -> None:
        await cluster.apply()
        await cluster.remove()

    with pytest.raises(ProviderDenied) as refused:
        await once()
    assert call in f"{refused.value} {refused.value.hint}"
    assert "chimera policy" in refused.value.hint
    cluster.box.faults.set([])
    await cluster.remove()
    assert cluster.listing() == before
