"""Removing a version's resources in the order that AWS demands, and saying what is left."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from chimera.core.errors import ProviderRefused
from chimera.core.model import Resource
from chimera.platforms.aws import autoscaling, definitions, services
from chimera.platforms.aws.errors import caused_by
from chimera.platforms.aws.estate import (
    ECS_SERVICE,
    SCALABLE_TARGET,
    TASK_DEFINITION,
    Estate,
    Site,
)
from chimera.platforms.aws.front import Front
from chimera.platforms.aws.letting import IN_USE

log = logging.getLogger(__name__)

_ORDER = {SCALABLE_TARGET: -20, ECS_SERVICE: 0, TASK_DEFINITION: 10}


@dataclass(frozen=True, slots=True)
class Remover:
    """Removes recorded resources at one site."""

    site: Site
    front: Front
    estate: Estate

    async def remove(
        self, resources: tuple[Resource, ...]
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """Remove and forget; return (removed, left). What is left stays recorded.

        The detail `why` of what is left says what is in the way, and what to do. Where something
        else still leads to a version, its tasks are left as well: it has users.
        """
        removed, left = [], []
        used = ""
        for resource in sorted(resources, key=self._order):
            if used:
                left.append(_with(resource, used))
                continue
            try:
                await self._one(resource)
            except ProviderRefused as error:
                log.warning("aws.left", extra={"resource": str(resource), "reason": str(error)})
                why = f"{error.reason}; {error.hint}" if error.hint else error.reason
                left.append(_with(resource, why))
                if self._order(resource) < 0 and caused_by(error, *IN_USE):
                    used = f"{resource} is still in use: {why}"
                continue
            await self.estate.forget(resource)
            removed.append(resource)
        return tuple(removed), tuple(left)

    def _order(self, resource: Resource) -> int:
        known = _ORDER.get(resource.kind)
        return self.front.order(resource) if known is None else known

    async def _one(self, resource: Resource) -> None:
        detail = resource.detail
        match resource.kind:
            case "scalable-target":
                await autoscaling.remove(self.site, str(detail["name"]))
            case "ecs-service":
                await autoscaling.remove_quietly(self.site, str(detail["name"]))
                await services.delete(self.site, str(detail["name"]))
            case "ecs-task-definition" if detail.get("adopted"):
                await definitions.remove_one(self.site, resource.id)
            case "ecs-task-definition":
                await definitions.remove_family(self.site, str(detail["family"]))
            case _:
                await self.front.remove(self.site, resource)


def _with(resource: Resource, why: str) -> Resource:
    return replace(resource, detail={**resource.detail, "why": why})
