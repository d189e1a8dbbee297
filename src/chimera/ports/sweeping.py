"""Finding what was made, when the list of it is lost: for platforms whose resources bear tags."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from chimera.core.model import Fence, Resource, Service


@runtime_checkable
class Sweeping(Protocol):
    """A platform that can tell what it has made without the Inventory, by tags."""

    async def survey(self, service: Service) -> tuple[Resource, ...]:
        """Return everything of a service that bears Chimera's tags."""

    async def origin(self, service: Service) -> str:
        """Return the rollout that made the version which serves by default, "" if none did."""

    async def remove_rest(
        self, service: Service, rollout: str, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """Remove what one rollout left, whatever revision it is of; return (removed, left).

        ProviderRefused if what serves is among it, or has traffic.
        """
