"""Simulated versions of a service: the port `Orchestrator`."""

from __future__ import annotations

from chimera.core.errors import ProviderRefused
from chimera.core.model import Change, Fence, Readiness, Resource, Revision, Service
from chimera.platforms.memory.dataplane import DataPlane
from chimera.platforms.memory.world import KIND, PROVIDER, World, unknown


class MemoryOrchestrator:
    """Starts and removes simulated revisions."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def stable(self, service: Service) -> Revision | None:
        """Return the revision that serves by default, or None."""
        await self._world.adopt()  # a command plans in a process that never starts the platform
        plane = self._world.plane(service)
        return plane.fleets[plane.stable].revision if plane.stable else None

    async def plan(self, service: Service, canary: Revision) -> tuple[Change, ...]:
        """Return each write that a rollout of `canary` would do."""
        stable = await self.stable(service)
        start = Change("+", f"{KIND} {service.name}/{canary.name}", "the new version")
        if stable is None:
            return (start,)
        return (
            start,
            Change("~", f"routes of {service.name}", "traffic moves to the new version in steps"),
            Change("-", f"{KIND} {service.name}/{stable.name}", "the old version, after success"),
        )

    async def install(self, service: Service, revision: Revision, fence: Fence) -> None:
        """Run the very first revision."""
        plane = self._world.plane(service)
        if plane.stable and plane.stable != revision.name:
            raise ProviderRefused(
                PROVIDER, "install", f"{service.name} runs {plane.stable} already"
            )
        await self._run(service, revision, plane.target.replicas, fence, stable=True)
        await self._world.pass_fence(service, fence, "install")  # it may be undone meanwhile
        plane.make_stable(revision.name, self._world.clock.monotonic())

    async def start(
        self, service: Service, canary: Revision, replicas: int | None, fence: Fence
    ) -> tuple[Resource, ...]:
        """Start the canary beside stable, without traffic."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "start"):
            wanted = replicas or plane.target.replicas
            return (await self._run(service, canary, wanted, fence, stable=False),)

    async def readiness(self, service: Service, revision: Revision) -> Readiness:
        """Say how many replicas answer now."""
        plane = self._world.plane(service)
        fleet = plane.fleets.get(revision.name)
        if fleet is None:
            return Readiness(0, 0, f"{revision.name} does not run")
        up = fleet.ready_at <= self._world.clock.monotonic()
        return Readiness(fleet.replicas if up else 0, fleet.replicas, "" if up else "starting")

    async def scale_to_stable(self, service: Service, canary: Revision, fence: Fence) -> None:
        """Give the canary the stable one's number of replicas."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "scale"):
            await self._world.pass_fence(service, fence, "scale")
            fleet = plane.fleets.get(canary.name)
            if fleet is None:
                raise unknown("scale", service, canary.name)
            wanted = plane.fleets[plane.stable].replicas if plane.stable else fleet.replicas
            is_stable = plane.stable == canary.name
            await self._world.write_down(service, canary, wanted, fence.rollout, stable=is_stable)
            fleet.replicas = wanted

    async def remove(
        self, service: Service, revision: Revision, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """Remove a revision without traffic; return (removed, left)."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "remove"):
            await self._world.pass_fence(service, fence, "remove")
            if plane.has_traffic(revision.name, self._world.clock.monotonic()):
                raise ProviderRefused(PROVIDER, "remove", f"{revision.name} still has traffic")
            return await self._dismantle(service, plane, revision), ()

    async def uninstall(self, service: Service, fence: Fence | None = None) -> tuple[Resource, ...]:
        """Remove the whole service."""
        if fence is not None:
            await self._world.pass_fence(service, fence, "uninstall")
        found = await self._world.inventory.find(service=service.name, kind=KIND)
        self._world.forget(service.name)
        for resource in found:
            await self._world.inventory.forget(resource.kind, resource.id)
        return found

    async def _run(
        self, service: Service, revision: Revision, replicas: int, fence: Fence, *, stable: bool
    ) -> Resource:
        plane, clock = self._world.plane(service), self._world.clock
        await self._world.pass_fence(service, fence, "start")
        kept = stable or plane.stable == revision.name
        resource = await self._world.write_down(
            service, revision, replicas, fence.rollout, stable=kept
        )
        if plane.fault(revision.name).crash:
            raise ProviderRefused(
                PROVIDER, "start", f"{revision.name} ended at once: crash, as its settings ask for"
            )
        ready_at = clock.monotonic() + plane.target.start_time.total_seconds()
        fleet = plane.make(revision, replicas, ready_at)
        if fleet.ready_at > clock.monotonic():
            await clock.sleep(fleet.ready_at - clock.monotonic())
        return resource

    async def _dismantle(
        self, service: Service, plane: DataPlane, revision: Revision
    ) -> tuple[Resource, ...]:
        plane.fleets.pop(revision.name, None)
        found = await self._world.records(service, revision)
        for resource in found:
            await self._world.inventory.forget(resource.kind, resource.id)
        return found
