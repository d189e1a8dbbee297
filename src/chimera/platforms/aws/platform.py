"""ECS in an App Mesh: its ports, put together."""

from __future__ import annotations

from pydantic import BaseModel

from chimera.core.model import Resource
from chimera.platforms.aws.appmesh import AppMeshRouter
from chimera.platforms.aws.ecsplatform import EcsPlatform
from chimera.platforms.aws.estate import Estate, Site
from chimera.platforms.aws.meshfront import AppMeshFront
from chimera.platforms.aws.meshmetrics import EnvoyMetrics
from chimera.platforms.aws.options import EcsAppMeshTarget
from chimera.platforms.aws.tagnodes import survey
from chimera.ports.inventory import Inventory


class EcsAppMeshPlatform(EcsPlatform):
    """Runs services on ECS and steers their traffic by the weights of an App Mesh route."""

    name = "ecs-appmesh"
    options: type[BaseModel] = EcsAppMeshTarget

    def __init__(self, inventory: Inventory, folder: str) -> None:  # noqa: ARG002 - keeps no files
        estate, front = Estate(inventory), AppMeshFront()
        super().__init__(estate, EcsAppMeshTarget, front, EnvoyMetrics())
        self.router = AppMeshRouter(estate, self._sites, front)

    async def _survey(self, site: Site) -> tuple[Resource, ...]:
        return await survey(site)
