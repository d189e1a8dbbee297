"""The one-time preparation of a cluster for ecs-appmesh: an agent that publishes Envoy's metrics.

Every part is looked at first, made if it is missing, and taken away by `remove` in reverse order:
exactly what was made, told by its name and tag.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chimera.core.errors import ProviderDenied, ProviderRefused, ProviderUnavailable
from chimera.core.model import Change
from chimera.platforms.aws import services
from chimera.platforms.aws.agent import EXECUTION_POLICY, METRICS_POLICY, Agent
from chimera.platforms.aws.containers import envoy_of
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.identity import Identity
from chimera.platforms.aws.scraping import unlabelled
from chimera.platforms.aws.session import Account, Accounts
from chimera.platforms.aws.setupagent import Definition, Serving
from chimera.platforms.aws.setupparts import NOWHERE, Group, Network, Part, Role, Rules

log = logging.getLogger(__name__)

CLIENTS = ("ecs", "ec2", "iam", "sts")
# After these pauses a write whose answer was lost is looked for, and done again.
_AGAIN_S = (0.2, 1.0, 3.0)
Json = Mapping[str, Any]
Progress = Callable[[Change], Awaitable[None]]


async def _quietly(change: Change) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The parts of one cluster's preparation, in the order in which they are made.

    unready: why nothing can be made now; what was made can be removed all the same.
    """

    agent: Agent
    parts: tuple[Part, ...]
    unready: ProviderRefused | None = None

    async def plan(self) -> tuple[Change, ...]:
        """Return each write that `apply` would do now; none if all is there."""
        self._check()
        return tuple([part.making for part in self.parts if not await part.exists()])

    async def apply(self, tell: Progress = _quietly) -> tuple[Change, ...]:
        """Make what is missing; return what was done. tell: called after each write."""
        self._check()
        done = []
        for part in self.parts:
            if not await part.exists():
                await _until(part.exists, part.make)
                done.append(part.making)
                await tell(part.making)
        return tuple(done)

    async def removal(self) -> tuple[Change, ...]:
        """Return each write that `remove` would do now."""
        return tuple([part.removing for part in reversed(self.parts) if await part.remains()])

    async def remove(self, tell: Progress = _quietly) -> tuple[Change, ...]:
        """Take away what `apply` made; return what was done. tell: called after each write."""
        done = []
        for part in reversed(self.parts):
            if await part.remains():
                await _until(partial(_gone, part), part.remove)
                done.append(part.removing)
                await tell(part.removing)
        return tuple(done)

    def _check(self) -> None:
        if self.unready:
            raise self.unready


async def _gone(part: Part) -> bool:
    return not await part.remains()


async def _until(done: Callable[[], Awaitable[bool]], work: Callable[[], Awaitable[None]]) -> None:
    """Do some work; if its answer is lost, look whether it is done, and go on where it is not."""
    for pause_s in _AGAIN_S:
        try:
            return await work()
        except ProviderUnavailable as error:
            log.info("aws.setup.again", extra={"reason": str(error)})
        await asyncio.sleep(pause_s)
        if await done():
            return None
    return await work()


async def prepare(
    accounts: Accounts,
    identity: Identity,
    cluster: str,
    *,
    namespace: str = "",
    image: str = "",
) -> Setup:
    """Look at a cluster and say what its preparation is made of; changes nothing.

    Raises ProviderRefused where there is no such cluster; where its network cannot be told, that
    is raised by what needs to know.
    """
    account = await accounts.open(identity, *CLIENTS)
    who = await account.call(account.sts.get_caller_identity)
    found = await _cluster(account, cluster)
    given = {"namespace": namespace, "image": image}
    agent = Agent(
        cluster=str(found["clusterName"]),
        region=account.region,
        account=str(who["Account"]),
        partition=str(who["Arn"]).split(":")[1],
        **{key: value for key, value in given.items() if value},
    )
    beside = [
        one
        for one in await services.listed(account, agent.cluster)
        if one["status"] == "ACTIVE" and one["serviceName"] != agent.name
    ]
    network, unready = NOWHERE, None
    try:
        network = await _network(account, agent, beside)
    except ProviderDenied:
        raise
    except ProviderRefused as error:
        unready = error
    group = Group(account, agent, network)
    parts: Sequence[Part] = (
        group,
        Rules(account, agent, network, group),
        Role(account, agent, agent.task_role, agent.managed(METRICS_POLICY), agent.inline_policy()),
        Role(account, agent, agent.execution_role, agent.managed(EXECUTION_POLICY), None),
        Definition(account, agent, await _unread(account, beside)),
        Serving(account, agent, network, group),
    )
    return Setup(agent, tuple(parts), unready)


async def _cluster(account: Account, name: str) -> dict[str, object]:
    answer = await account.call(account.ecs.describe_clusters, clusters=[name])
    active = [one for one in answer["clusters"] if one["status"] == "ACTIVE"]
    if not active:
        reason = f"there is no cluster '{name}' in {account.region}"
        hint = "chimera discover lists the clusters; check the region"
        raise ProviderRefused(PROVIDER, "set up", reason, hint=hint)
    return dict(active[0])


async def _unread(account: Account, beside: Sequence[Json]) -> tuple[str, ...]:
    """Say of each service in a mesh whose Envoy the agent would not find what that lacks."""
    definitions = await asyncio.gather(
        *(
            account.call(account.ecs.describe_task_definition, taskDefinition=arn)
            for arn in dict.fromkeys(str(one["taskDefinition"]) for one in beside)
        )
    )
    found = [answer["taskDefinition"] for answer in definitions]
    lacks = ((one, unlabelled(one)) for one in found if envoy_of(one))
    return tuple(f"{one['family']}: {said}" for one, said in lacks if said)


async def _network(account: Account, agent: Agent, beside: Sequence[Json]) -> Network:
    """Return where the cluster's own tasks run: the agent goes beside them."""
    subnets: list[str] = []
    groups: list[str] = []
    public = "DISABLED"
    for one in beside:
        found = (one.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        if not found:
            continue
        if not subnets:
            subnets, public = list(found["subnets"]), found.get("assignPublicIp", public)
        groups += [group for group in found.get("securityGroups", ()) if group not in groups]
    if not subnets or not groups:
        reason = f"no service of cluster '{agent.cluster}' tells subnets and security groups"
        hint = "run a service with network mode awsvpc there first"
        raise ProviderRefused(PROVIDER, "set up", reason, hint=hint)
    answer = await account.call(account.ec2.describe_subnets, SubnetIds=subnets[:1])
    vpc = str(answer["Subnets"][0]["VpcId"])
    described = await account.pages(
        account.ec2.describe_security_groups,
        "SecurityGroups",
        Filters=[{"Name": "group-id", "Values": groups}, {"Name": "vpc-id", "Values": [vpc]}],
    )
    inside = tuple(str(one["GroupId"]) for one in described)
    return Network(vpc, tuple(subnets), inside, public)
