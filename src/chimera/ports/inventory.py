"""Remembering what was made, so that nothing is left behind; and who may write."""

from __future__ import annotations

from typing import Protocol

from chimera.core.model import Fence, Resource


class Inventory(Protocol):
    """The list of everything that Chimera made and has not removed; survives a crash of its writer.

    A resource is keyed by (kind, id). Implemented by the store; adapters write to it first.
    """

    async def record(self, resource: Resource) -> None:
        """Add or replace a resource."""

    async def forget(self, kind: str, id: str) -> None:  # noqa: A002
        """Remove a resource; unknown is fine."""

    async def find(
        self, *, service: str = "", revision: str = "", rollout: str = "", kind: str = ""
    ) -> tuple[Resource, ...]:
        """Return the resources that match every given field, oldest first."""

    async def pass_fence(self, service: str, fence: Fence) -> bool:
        """Remember the highest generation seen for this rollout; False if `fence` is lower.

        Atomic over processes.
        """
