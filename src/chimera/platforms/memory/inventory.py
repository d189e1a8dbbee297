"""An inventory for as long as the process lives: for simulations and benchmarks."""

from __future__ import annotations

from chimera.core.model import Fence, Resource


class MemoryInventory:
    """Implements the port `Inventory` without surviving its process."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], Resource] = {}
        self._fences: dict[tuple[str, str], int] = {}

    async def record(self, resource: Resource) -> None:
        """Add or replace a resource; a replaced one keeps its age."""
        self._resources[resource.kind, resource.id] = resource

    async def forget(self, kind: str, id: str) -> None:  # noqa: A002  # the port's name
        """Remove a resource; unknown is fine."""
        self._resources.pop((kind, id), None)

    async def find(
        self, *, service: str = "", revision: str = "", rollout: str = "", kind: str = ""
    ) -> tuple[Resource, ...]:
        """Return the resources that match every given field, oldest first."""
        wanted = {"service": service, "revision": revision, "rollout": rollout, "kind": kind}
        given = {name: value for name, value in wanted.items() if value}
        return tuple(
            resource
            for resource in self._resources.values()
            if all(getattr(resource, name) == value for name, value in given.items())
        )

    async def pass_fence(self, service: str, fence: Fence) -> bool:
        """Remember the highest generation seen for this rollout; False if `fence` is lower."""
        seen = self._fences.get((service, fence.rollout), fence.generation)
        self._fences[service, fence.rollout] = max(seen, fence.generation)
        return fence.generation >= seen
