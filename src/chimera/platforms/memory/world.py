"""The simulated world of one process: all its services, their clock, and the provider's moods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from chimera.core.errors import ProviderRefused, ProviderUnavailable, SpecError
from chimera.core.model import Fence, Resource, Revision, Service
from chimera.platforms.memory.clock import Clock
from chimera.platforms.memory.dataplane import DataPlane
from chimera.platforms.memory.options import MemoryTarget, Operation
from chimera.ports.inventory import Inventory

PROVIDER = "memory"
KIND = "simulated-revision"


class World:
    """Finds a service's data plane, keeps the inventory true, and orders the writes."""

    def __init__(self, inventory: Inventory, clock: Clock) -> None:
        self.inventory = inventory
        self.clock = clock
        self._planes: dict[str, DataPlane] = {}
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._adopted: dict[str, list[Resource]] = {}
        self._fences: dict[tuple[str, str], int] = {}
        self._calls: Counter[tuple[str, str]] = Counter()
        self._knows_others = False

    async def adopt(self) -> None:
        """Remember, once, what another process left, all traffic on stable."""
        if self._knows_others:
            return
        self._knows_others = True
        for resource in await self.inventory.find(kind=KIND):
            if resource.service in self._planes:
                continue  # this process has made it
            self._adopted.setdefault(resource.service, []).append(resource)

    def plane(self, service: Service) -> DataPlane:
        """Return a service's data plane, its settings refreshed."""
        plane = self._planes.get(service.name)
        if plane is not None and self._settings[service.name] == service.settings:
            return plane
        target = _target(service)
        self._settings[service.name] = service.settings
        if plane is not None:
            plane.settle(self.clock.monotonic())
            plane.target = target
            return plane
        plane = DataPlane(service.name, target, self.clock.monotonic())
        for resource in self._adopted.pop(service.name, []):
            plane.make(_revision(resource), int(resource.detail["replicas"]), ready_at=0.0)
            if resource.detail["stable"]:
                plane.stable = resource.revision
        self._planes[service.name] = plane
        return plane

    def find(self, name: str) -> DataPlane | None:
        """Return the data plane of a service seen before."""
        return self._planes.get(name)

    def forget(self, name: str) -> None:
        """Let a service go, with what was remembered of it."""
        self._planes.pop(name, None)
        self._adopted.pop(name, None)

    async def write_down(
        self, service: Service, revision: Revision, replicas: int, rollout: str, *, stable: bool
    ) -> Resource:
        """Record a revision in the inventory; who made it first stays its maker."""
        known = await self.records(service, revision)
        resource = Resource(
            KIND,
            f"{service.name}/{revision.name}",
            service.name,
            revision.name,
            known[0].rollout if known else rollout,
            {
                "stable": stable,
                "replicas": replicas,
                "image": revision.image,
                "settings": dict(revision.settings),
            },
        )
        if resource not in known:
            await self.inventory.record(resource)
        return resource

    async def records(self, service: Service, revision: Revision) -> tuple[Resource, ...]:
        """Return what the inventory holds of a revision."""
        return await self.inventory.find(service=service.name, revision=revision.name, kind=KIND)

    async def pass_fence(self, service: Service, fence: Fence, operation: str) -> None:
        """Refuse a write that a newer one of the same rollout has overtaken."""
        key = (service.name, fence.rollout)
        seen = self._fences.get(key, -1)
        passes = fence.generation == seen or (
            fence.generation > seen and await self.inventory.pass_fence(service.name, fence)
        )
        if not passes:
            raise ProviderRefused(
                PROVIDER, operation, "a newer decision of this rollout has overtaken this write"
            )
        self._fences[key] = max(self._fences.get(key, -1), fence.generation)

    @contextmanager
    def troubled(self, plane: DataPlane, operation: Operation) -> Iterator[None]:
        """Let an operation fail as often as the settings say, before it or after it was done."""
        trouble = plane.target.trouble.get(operation)
        self._calls[plane.name, operation] += 1
        spent = trouble is None or (
            trouble.first is not None and self._calls[plane.name, operation] > trouble.first
        )
        if trouble is None or spent:
            yield
            return
        if trouble.refused:
            raise ProviderRefused(PROVIDER, operation, "refused, as its settings ask for")
        roll = plane.rng.random()
        if roll < trouble.unavailable:
            raise ProviderUnavailable(PROVIDER, operation, "not now, as its settings ask for")
        yield
        if roll < trouble.unavailable + trouble.lost:
            raise ProviderUnavailable(PROVIDER, operation, "done, but the answer was lost")


def unknown(operation: str, service: Service, revision: str) -> ProviderRefused:
    """Return the error for a revision that does not run here."""
    return ProviderRefused(PROVIDER, operation, f"{service.name} has no revision '{revision}'")


def _target(service: Service) -> MemoryTarget:
    try:
        return MemoryTarget.model_validate(dict(service.settings))
    except ValidationError as error:
        problems = [
            f"target.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        ]
        raise SpecError(
            f"the settings of service {service.name} do not fit the memory platform",
            problems=problems,
            hint="`chimera schema` shows what `target` may hold",
        ) from None


def _revision(resource: Resource) -> Revision:
    return Revision(
        resource.revision, resource.detail.get("image", ""), resource.detail.get("settings", {})
    )
