"""Who may write: a rollout's highest generation, kept by the store and remembered here."""

from __future__ import annotations

import logging

from chimera.core.errors import LedgerError, ProviderRefused
from chimera.core.model import Fence, Service
from chimera.ports.inventory import Inventory

log = logging.getLogger(__name__)


class Fences:
    """The fences of one controller; since a folder has one at a time, it may trust its memory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._seen: dict[tuple[str, str], int] = {}
        self._written: dict[tuple[str, str], int] = {}

    async def check(
        self, service: Service, fence: Fence, operation: str, *, lenient: bool = False
    ) -> None:
        """Raise ProviderRefused if a newer write of the rollout has passed.

        lenient: pass also while the store cannot be written. For what gives users back to stable,
        and for what only holds the weight in force: neither may wait for a disk.
        """
        key = (service.name, fence.rollout)
        if fence.generation < self._seen.get(key, fence.generation):
            raise _overtaken(fence, operation)
        if self._written.get(key) != fence.generation:
            try:
                if not await self._inventory.pass_fence(service.name, fence):
                    raise _overtaken(fence, operation)
                self._written[key] = fence.generation
            except LedgerError as error:
                if not lenient:
                    raise
                log.warning(
                    "local.fence.unwritten",
                    extra={"service": service.name, "operation": operation, "reason": str(error)},
                )
        self._seen[key] = max(fence.generation, self._seen.get(key, fence.generation))


def _overtaken(fence: Fence, operation: str) -> ProviderRefused:
    reason = f"overtaken by a newer write of rollout {fence.rollout}"
    return ProviderRefused("local", operation, reason)
