"""What a rule said before a rollout's first change: it is given back to the byte."""

from __future__ import annotations

from typing import Any

from chimera.core.model import Fence, Resource
from chimera.platforms.aws.balancer import Place
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.front import Making

MEMORY = "elb-rule"
# On a version's target group: the stable one beside which it was made.
BESIDE = "chimera:beside"


class Memories:
    """Kept in the Inventory, written down before the rule is touched."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def of(self, site: Site, making: Making, place: Place) -> Resource:
        """Return the record of what a rule says, for the rollout of one version."""
        version, like = making.version, making.like
        detail: dict[str, Any] = {
            "stable": like.revision.name,
            "group": like.backend.id,
            "actions": [dict(action) for action in place.actions],
        }
        id = f"{place.arn}#{version.rollout}"  # noqa: A001 - a resource's key
        service, revision = site.service.name, version.revision.name
        return Resource(MEMORY, id, service, revision, version.rollout, detail)

    async def find(self, site: Site, canary: str, stable: str = "") -> Resource | None:
        """Return what is remembered of a canary's rollout beside a stable revision."""
        found = await self._estate.inventory.find(
            service=site.service.name, revision=canary, kind=MEMORY
        )
        fit = [one for one in found if not stable or one.detail["stable"] == stable]
        return fit[-1] if fit else None

    async def before(self, site: Site, canary: str) -> list[dict[str, Any]] | None:
        """Return the actions of the rule before a canary's rollout."""
        found = await self.find(site, canary)
        return [dict(action) for action in found.detail["actions"]] if found else None

    async def forget(self, site: Site, fence: Fence, *, but: str) -> None:
        """Forget what a rollout remembers, unless it is about the revision `but`."""
        found = await self._estate.inventory.find(
            service=site.service.name, rollout=fence.rollout, kind=MEMORY
        )
        for one in found:
            if one.revision != but:
                await self._estate.forget(one)
