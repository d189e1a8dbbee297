"""What simulated requests met: the port `MetricSource`."""

from __future__ import annotations

from chimera.core.model import Reading, Revision, Sample, Service
from chimera.platforms.memory.world import World


class MemoryMetrics:
    """Reads the simulated counters."""

    min_interval_s = 0.1

    def __init__(self, world: World) -> None:
        self._world = world

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        """Return both arms' counters at one moment."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "metrics"):
            plane.settle(self._world.clock.monotonic())

            def arm(revision: Revision) -> tuple[Sample, ...]:
                fleet = plane.fleets.get(revision.name)
                unseen = fleet is None or plane.fault(revision.name).unseen
                return () if fleet is None or unseen else (fleet.sample(),)

            return Reading(
                self._world.clock.now(), arm(canary), arm(stable), f"simulated {service.name}"
            )
