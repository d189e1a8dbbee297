"""Making a version: backend, task definition, ECS service; each written down before it exists."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from chimera.core.errors import ProviderRefused
from chimera.core.model import Resource, Revision
from chimera.platforms.aws import definitions, services
from chimera.platforms.aws.arms import Arm
from chimera.platforms.aws.errors import PROVIDER
from chimera.platforms.aws.estate import (
    ECS_SERVICE,
    TASK_DEFINITION,
    Estate,
    Site,
    Version,
    sibling,
)
from chimera.platforms.aws.front import Front, Making
from chimera.platforms.aws.identity import with_tag
from chimera.platforms.aws.images import Pinned, pin
from chimera.platforms.aws.naming import derived, our_tags

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes versions at one site. check: raises when a newer write has overtaken this one."""

    site: Site
    front: Front
    estate: Estate
    check: Callable[[], Awaitable[None]]

    def planned(self, like: Arm, revision: Revision, rollout: str) -> Making:
        """Say what a version will be called and tagged; the same for the same arguments."""
        site = self.site
        name = derived(site.target.service, site.service, revision, rollout)
        version = Version(
            revision=revision,
            name=name,
            family=name,
            backend=self.front.name(site, like, name),
            arn=sibling(str(like.service["serviceArn"]), name),
            rollout=rollout,
        )
        return Making(like, version, our_tags(site.service, revision, rollout, name, like.origin))

    async def make(self, making: Making, count: int) -> tuple[Version, tuple[Resource, ...]]:
        """Make what is missing of a version with so many tasks; waits for nothing."""
        pinned = await self.pinned(making)
        backend = await self.front.resources(self.site, making)
        await self.check()
        if backend:
            await self.estate.record(*backend)
        version = await self.front.make(self.site, making)
        making = replace(making, version=version)
        rest = self._records(making)
        await self.estate.record(*rest)
        await self.check()
        definition = await self._define(making, pinned)
        await self.check()
        await self._serve(making, definition, count)
        return version, (*backend, *rest)

    async def pinned(self, making: Making) -> Pinned:
        """Resolve the image that a version runs."""
        revision = making.version.revision
        image = revision.image or with_tag(making.like.image, revision.name)
        own = str(making.like.service["serviceArn"]).split(":")[4]
        pinned = await pin(self.site.account, image, own=own)
        if pinned.note:
            log.warning("aws.image_not_pinned", extra={"image": image, "reason": pinned.note})
        return pinned

    def _records(self, making: Making) -> tuple[Resource, Resource]:
        version, site = making.version, self.site
        definition = sibling(str(making.like.definition["taskDefinitionArn"]), version.family)
        return (
            version.resource(site, TASK_DEFINITION, definition),
            version.resource(site, ECS_SERVICE, version.arn),
        )

    async def _define(self, making: Making, pinned: Pinned) -> str:
        request = definitions.cloned(
            self.site.account.ecs,
            making.like.definition,
            family=making.version.family,
            container=making.like.container,
            image=pinned.image,
            tags=making.tags,
        )
        await self.front.adapt_definition(self.site, making, request)
        return await definitions.register(self.site, request)

    async def _serve(self, making: Making, definition: str, count: int) -> None:
        request = services.cloned(
            self.site.account.ecs,
            making.like.service,
            name=making.version.name,
            definition=definition,
            count=count,
            tags=making.tags,
        )
        await self.front.adapt_service(self.site, making, request)
        await services.ensure(self.site, request)


async def adopt(estate: Estate, site: Site, front: Front, arm: Arm, rollout: str) -> None:
    """Write down a version that Chimera did not make, before it is replaced: it goes afterwards."""
    version = replace(arm.version, rollout=rollout)
    definition = str(arm.definition["taskDefinitionArn"])
    await estate.record(
        *await front.adopted(site, arm, version),
        version.resource(site, TASK_DEFINITION, definition, adopted=True),
        version.resource(site, ECS_SERVICE, version.arn, adopted=True),
    )


async def disown(estate: Estate, site: Site, revision: Revision) -> None:
    """Strike out what was adopted: the version serves again, and is the operator's own."""
    for resource in await estate.resources(site.service, revision.name):
        if resource.detail.get("adopted"):
            await estate.forget(resource)


def refuse_same(stable: Arm, canary: Revision) -> None:
    """Refuse to start the version that serves already."""
    if stable.revision.name == canary.name:
        reason = f"{canary.name} is the stable version already"
        raise ProviderRefused(PROVIDER, "start", reason, hint="deploy another version")
