"""The memory platform: its ports under one name."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from chimera.core.errors import ProviderRefused, SpecError
from chimera.core.model import Revision, Service, check_weight
from chimera.platforms.memory.clock import Clock, WallClock
from chimera.platforms.memory.metrics import MemoryMetrics
from chimera.platforms.memory.options import MemoryTarget
from chimera.platforms.memory.orchestrator import MemoryOrchestrator
from chimera.platforms.memory.router import MemoryRouter
from chimera.platforms.memory.world import PROVIDER, World
from chimera.ports.inventory import Inventory
from chimera.ports.metrics import MetricSource
from chimera.ports.orchestrator import Orchestrator
from chimera.ports.platform import Check
from chimera.ports.router import Router


class MemoryPlatform:
    """Simulated services; implements the port `Platform`. clock: a simulation may bring its own."""

    name = "memory"
    options: type[BaseModel] = MemoryTarget

    def __init__(self, inventory: Inventory, folder: str = "", clock: Clock | None = None) -> None:
        self.folder = folder
        self._world = World(inventory, clock or WallClock())
        self.orchestrator: Orchestrator = MemoryOrchestrator(self._world)
        self.router: Router = MemoryRouter(self._world)
        self.metrics: MetricSource = MemoryMetrics(self._world)

    def revision(self, service: Service, *, version: str, image: str) -> Revision:
        """Build the revision that the operator asked for; SpecError if it cannot be told."""
        try:
            return Revision(version or image, image)
        except ValueError as error:
            raise SpecError(
                f"service {service.name}: {error}", hint="say which version: --version v2"
            ) from None

    async def start(self) -> None:
        """Re-adopt what a former process recorded; all traffic is on stable."""
        await self._world.adopt()

    async def close(self) -> None:
        """Nothing is held; the simulated services end with the process."""

    async def doctor(self) -> Sequence[Check]:
        """Say what this platform is."""
        return (Check("simulation", True, "services are simulated inside the controller"),)

    def edit(self, service: str, canary: str, weight: int) -> None:
        """Change the routes as somebody else would: no fence, and no lease that ends."""
        plane = self._world.find(service)
        if plane is None or canary not in plane.fleets:
            raise ProviderRefused(PROVIDER, "edit", f"{service} does not run {canary}")
        plane.steer(canary, check_weight(weight), float("inf"), self._world.clock.monotonic())
