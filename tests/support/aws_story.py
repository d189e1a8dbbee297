"""A rollout on ECS, step by step, that goes on after whatever befalls a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from tests.support.aws import scale_automatically
from tests.support.aws_deaths import Deaths

from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.aws.albplatform import EcsAlbPlatform
from chimera.platforms.aws.permissions import DEPLOY, PLATFORMS, actions
from chimera.platforms.aws.platform import EcsAppMeshPlatform
from chimera.platforms.memory import MemoryInventory
from chimera.sandbox import Sandbox
from chimera.sandbox.calls import is_write
from chimera.sandbox.faults import Rule
from chimera.sandbox.seed import Stack

Json = dict[str, Any]
SOON = timedelta(seconds=5)
V1 = Revision("v1")
_BOTO = {"elasticloadbalancing": "elbv2"}
LOST = tuple(
    Rule(fault="lost-reply", service=_BOTO.get(service, service), action=action, times=1)
    for service, _, action in (call.partition(":") for call in actions(PLATFORMS, [DEPLOY]))
    if is_write(action)
)


@dataclass
class Story(ABC):
    """One service with its stack. kinds: what a version has besides its ECS service.

    losing: the first answer to each write of each step is lost.
    """

    kinds: ClassVar[tuple[str, ...]]
    box: Sandbox
    stack: Stack
    inventory: MemoryInventory = field(default_factory=MemoryInventory)
    deaths: Deaths = field(default_factory=Deaths)
    losing: bool = False
    service: Service = field(init=False)
    platform: EcsAppMeshPlatform | EcsAlbPlatform = field(init=False)

    def __post_init__(self) -> None:
        self.service = self.make_service()
        self.revive()

    @abstractmethod
    def make_service(self) -> Service:
        """Return the stack's service as Chimera knows it."""

    @abstractmethod
    def make_platform(self) -> EcsAppMeshPlatform | EcsAlbPlatform:
        """Return a controller's platform, with no memory but the inventory."""

    @abstractmethod
    def steering(self) -> Json:
        """Return what stands in AWS of what steers the stack's traffic."""

    @abstractmethod
    def swapped(self, before: Json, name: str) -> Json:
        """Return what must steer the traffic once ECS service `name` is in the old one's place."""

    def revive(self) -> None:
        """Begin with a new controller."""
        self.platform = self.make_platform()
        self.platform.accounts.hooks.append(self.deaths.hear)

    @property
    def writes(self) -> Counter[str]:
        """How often each write was sent."""
        return self.deaths.writes

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do a step, again and again by a new controller where it may die or hear no answer."""

        async def heir() -> None:
            await self.platform.close()
            self.revive()

        if not self.losing:
            return await self.deaths.step(name, work, heir if self.deaths.deadly else None)
        self.box.faults.set(LOST)
        self.box.calls.clear()
        found = await self.deaths.step(name, work, heir)
        written = self.box.calls.last(writes=True)
        lost = {(one.service, one.action) for one in written if one.outcome == "lost"}
        assert lost == {(one.service, one.action) for one in written}, name
        return found

    @property
    def v1(self) -> Revision:
        return Revision("v1", f"{self.stack.image}:v1")

    @property
    def v2(self) -> Revision:
        return self.platform.revision(self.service, version="v2", image="")

    async def until(self, weight: int) -> None:
        """Start the canary and give it traffic."""
        await self.start()
        await self.shift(weight, 2)

    async def start(self) -> None:
        """Start the canary."""
        fence = Fence("r1", 1)
        await self.step(
            "start",
            lambda: self.platform.orchestrator.start(self.service, self.v2, None, fence),
        )

    async def shift(self, weight: int, generation: int) -> None:
        split = Split("v1", "v2", weight)
        await self.step(
            f"shift {weight}",
            lambda: self.platform.router.set_weights(
                self.service, split, Fence("r1", generation), SOON
            ),
        )

    async def promote(self) -> None:
        """Take a canary that was started to its end."""
        await self.shift(100, 3)
        await self.scale()
        await self.commit()
        await self.remove(self.v1)

    async def scale(self) -> None:
        """Give the canary as many tasks as stable, and its automatic scaling."""
        fence = Fence("r1", 3)
        await self.step(
            "scale",
            lambda: self.platform.orchestrator.scale_to_stable(self.service, self.v2, fence),
        )

    async def commit(self) -> None:
        """Put the canary in stable's place."""
        await self.step(
            "commit",
            lambda: self.platform.router.commit(
                self.service, self.v1, self.v2, Fence("r1", 4), SOON
            ),
        )

    async def roll_back(self) -> None:
        """Give the traffic back and remove the canary."""
        await self.restore()
        await self.remove(self.v2)

    async def restore(self) -> None:
        """Give the traffic back."""
        await self.step(
            "restore",
            lambda: self.platform.router.restore(self.service, self.v1, self.v2, Fence("r1", 4)),
        )

    async def remove(self, revision: Revision) -> None:
        fence = Fence("r1", 5)
        await self.step(
            "drain",
            lambda: self.platform.router.drain(self.service, revision, fence, SOON),
        )
        _, left = await self.step(
            "remove", lambda: self.platform.orchestrator.remove(self.service, revision, fence)
        )
        assert left == ()

    def scale_automatically(self) -> None:
        """Give the stack's service automatic scaling, as its operator would."""
        scale_automatically(self.box, self.stack)

    def snapshot(self) -> Json:
        """Return what stands in AWS of this stack, as AWS itself tells."""
        ecs = self.box.session().client("ecs")
        services = [one for one in self._services(ecs) if one["status"] == "ACTIVE"]
        found = self._definitions(ecs)
        return {
            "services": {one["serviceName"]: _told(one) for one in services},
            "definitions": sorted(arn.rpartition("/")[2] for arn in found),
            "scaling": self._scaling(),
            **self.steering(),
        }

    def _services(self, ecs: Any) -> list[Json]:
        arns = ecs.list_services(cluster=self.stack.cluster, maxResults=100)["serviceArns"]
        names = self.mine(arn.rpartition("/")[2] for arn in arns)
        described = ecs.describe_services(cluster=self.stack.cluster, services=names)
        return list(described["services"]) if names else []

    def _definitions(self, ecs: Any) -> list[str]:
        prefix = self.stack.family
        pages = ecs.get_paginator("list_task_definitions").paginate(status="ACTIVE")
        arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
        return [arn for arn in arns if arn.rpartition("/")[2].startswith(prefix)]

    def _scaling(self) -> Json:
        scaling = self.box.session().client("application-autoscaling")
        where = f"service/{self.stack.cluster}/"
        targets = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        names = self.mine(one["ResourceId"].removeprefix(where) for one in targets)
        found = {}
        for name in names:
            policies = scaling.describe_scaling_policies(
                ServiceNamespace="ecs", ResourceId=where + name
            )["ScalingPolicies"]
            actions = scaling.describe_scheduled_actions(
                ServiceNamespace="ecs", ResourceId=where + name
            )["ScheduledActions"]
            found[name] = [one["PolicyName"] for one in policies]
            found[name] += [one["ScheduledActionName"] for one in actions]
        return found

    def mine(self, names: Any) -> list[str]:
        """Return those names that were made for this stack, sorted."""
        return sorted(name for name in names if name.startswith(self.stack.service))


def _told(service: Json) -> Json:
    kept: Sequence[str] = (
        "desiredCount",
        "taskDefinition",
        "launchType",
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
        "deploymentConfiguration",
        "propagateTags",
    )
    return {name: service[name] for name in kept if name in service}
