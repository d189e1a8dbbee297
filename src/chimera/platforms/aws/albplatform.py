"""ECS behind a load balancer: its ports, put together."""

from __future__ import annotations

from pydantic import BaseModel

from chimera.core.model import Resource
from chimera.platforms.aws.alb import AlbRouter
from chimera.platforms.aws.albfront import AlbFront
from chimera.platforms.aws.albmetrics import AlbMetrics
from chimera.platforms.aws.alboptions import EcsAlbTarget
from chimera.platforms.aws.ecsplatform import EcsPlatform
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.taggroups import survey
from chimera.ports.inventory import Inventory


class EcsAlbPlatform(EcsPlatform):
    """Runs services on ECS and steers their traffic by the weights of target groups."""

    name = "ecs-alb"
    options: type[BaseModel] = EcsAlbTarget

    def __init__(self, inventory: Inventory, folder: str) -> None:  # noqa: ARG002 - keeps no files
        estate = Estate(inventory)
        front = AlbFront(estate)
        super().__init__(estate, EcsAlbTarget, front, AlbMetrics(front.places))
        self.router = AlbRouter(estate, self._sites, front)

    async def _survey(self, site: Site) -> tuple[Resource, ...]:
        return await survey(site)
