"""What stands in AWS for each version: written down before it is made, forgotten after its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.core.errors import ProviderRefused
from chimera.core.model import Fence, Resource, Revision, Service
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.options import EcsTarget
from chimera.platforms.aws.session import Account
from chimera.ports.inventory import Inventory

ECS_SERVICE = "ecs-service"
TASK_DEFINITION = "ecs-task-definition"
SCALABLE_TARGET = "scalable-target"


@dataclass(frozen=True, slots=True)
class Site:
    """A service of ours where it runs: account and region, and what the operator says about it."""

    account: Account
    service: Service
    target: EcsTarget

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self.target.cluster.rpartition("/")[2]

    def holds(self, resource: Resource) -> bool:
        """Whether a resource stands here: a service may have moved since it was made."""
        cluster, arn = resource.detail.get("cluster", ""), str(resource.detail.get("arn", ""))
        here = not arn or arn.split(":")[3] == self.account.region
        return here and cluster in {"", self.cluster}


@dataclass(frozen=True, slots=True)
class Version:
    """Where one version's resources are.

    name: of the ECS service. family: of the task definition. backend: what the tasks stand behind,
    by the name or ARN that its platform uses. arn: of the ECS service.
    """

    revision: Revision
    name: str
    family: str
    backend: str
    arn: str = ""
    rollout: str = ""

    def resource(self, site: Site, kind: str, id: str, **detail: Any) -> Resource:  # noqa: A002
        """Return the record of one of its resources."""
        known = {
            "name": self.name,
            "family": self.family,
            "backend": self.backend,
            "arn": self.arn,
            "cluster": site.cluster,
            "image": self.revision.image,
        }
        service, revision = site.service.name, self.revision.name
        return Resource(kind, id, service, revision, self.rollout, {**known, **detail})


def scalable_id(version: Version) -> str:
    """Return the key of the record of a version's scalable target."""
    return f"{version.arn}#desired-count"


def sibling(arn: str, name: str) -> str:
    """Return the ARN of something of the same kind beside another."""
    return f"{arn.rpartition('/')[0]}/{name}"


class Estate:
    """The Inventory in the words of this platform."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory

    async def check(self, service: Service, fence: Fence, operation: str) -> None:
        """Refuse what a newer write of the same rollout has overtaken."""
        if not await self.inventory.pass_fence(service.name, fence):
            reason = f"overtaken by a newer write of rollout {fence.rollout}"
            raise ProviderRefused(PROVIDER, operation, reason)

    async def resources(self, service: Service, revision: str = "") -> tuple[Resource, ...]:
        """Return what is recorded of a service, or of one of its revisions."""
        return await self.inventory.find(service=service.name, revision=revision)

    async def version(self, service: Service, revision: str) -> Version | None:
        """Return where a revision's resources are, None if none was made or adopted."""
        found = await self.inventory.find(service=service.name, revision=revision, kind=ECS_SERVICE)
        return version_in(found[-1]) if found else None

    async def versions(self, service: Service) -> tuple[Version, ...]:
        """Return all versions of a service that were made or adopted."""
        found = await self.inventory.find(service=service.name, kind=ECS_SERVICE)
        return tuple(version_in(one) for one in found)

    async def record(self, *resources: Resource) -> None:
        """Write down what is about to be made; what stands already stays as it is."""
        known = {(r.kind, r.id) for r in await self.resources(Service(resources[0].service, "-"))}
        for resource in resources:
            if (resource.kind, resource.id) not in known:
                await self.inventory.record(resource)

    async def forget(self, resource: Resource) -> None:
        """Strike out what is gone."""
        await self.inventory.forget(resource.kind, resource.id)


def version_in(resource: Resource) -> Version:
    """Return the version that the record of its ECS service tells of."""
    detail = resource.detail
    return Version(
        revision=Revision(resource.revision, str(detail.get("image", ""))),
        name=str(detail["name"]),
        family=str(detail["family"]),
        backend=str(detail["backend"]),
        arn=str(detail["arn"]),
        rollout=resource.rollout,
    )
