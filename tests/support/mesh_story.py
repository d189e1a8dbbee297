"""A rollout on App Mesh, step by step, that goes on after whatever befalls a step."""

from __future__ import annotations

import copy

from tests.support.aws import mesh_service
from tests.support.aws_story import SOON, V1, Json
from tests.support.aws_story import Story as AwsStory

from chimera.core.model import Service
from chimera.platforms.aws.platform import EcsAppMeshPlatform

__all__ = ["SOON", "V1", "Story"]


class Story(AwsStory):
    """One service in a mesh."""

    kinds = ("appmesh-virtual-node",)

    def make_service(self) -> Service:
        """Return the stack's service as Chimera knows it."""
        return mesh_service(self.box, self.stack)

    def make_platform(self) -> EcsAppMeshPlatform:
        """Return a controller's platform, with no memory but the inventory."""
        return EcsAppMeshPlatform(self.inventory, "")

    def steering(self) -> Json:
        """Return the stack's route and virtual nodes."""
        mesh = self.box.session().client("appmesh")
        nodes = mesh.list_virtual_nodes(meshName=self.stack.mesh, limit=100)["virtualNodes"]
        route = mesh.describe_route(
            meshName=self.stack.mesh,
            virtualRouterName=self.stack.virtual_router,
            routeName=self.stack.route,
        )["route"]["spec"]
        return {"nodes": self.mine(one["virtualNodeName"] for one in nodes), "route": route}

    def swapped(self, before: Json, name: str) -> Json:
        """Return a route that leads to the new node alone, and that node."""
        route = copy.deepcopy(before["route"])
        route["httpRoute"]["action"]["weightedTargets"] = [{"virtualNode": name, "weight": 100}]
        return {"nodes": [name], "route": route}
