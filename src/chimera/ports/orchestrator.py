"""Running versions of a service."""

from __future__ import annotations

from typing import Protocol

from chimera.core.model import Change, Fence, Readiness, Resource, Revision, Service


class Orchestrator(Protocol):
    """Starts, checks and removes versions of a service on one platform.

    Every write is declarative and idempotent: called again with the same arguments (after a
    crash, by another worker) it finds its own work done and completes it; nothing is made twice.
    Every resource it makes is recorded in the Inventory *before* it exists, tagged with the
    rollout, so that a crash in between cannot orphan it. Errors: ProviderUnavailable (retried),
    ProviderRefused (for good, its reason names the cause in the platform's own words, e.g. the
    last log lines of a crashed process).
    """

    async def stable(self, service: Service) -> Revision | None:
        """Return the revision that serves by default, or None if the service does not run yet."""

    async def plan(self, service: Service, canary: Revision) -> tuple[Change, ...]:
        """Return each write that a rollout of `canary` would do here, in order; changes nothing."""

    async def install(self, service: Service, revision: Revision, fence: Fence) -> None:
        """Run the very first revision: there is no stable one to protect. Waits until it serves."""

    async def start(
        self, service: Service, canary: Revision, replicas: int | None, fence: Fence
    ) -> tuple[Resource, ...]:
        """Start the canary beside stable, without traffic; return when all replicas are ready."""

    async def readiness(self, service: Service, revision: Revision) -> Readiness:
        """Say how many replicas of a revision answer now."""

    async def scale_to_stable(self, service: Service, canary: Revision, fence: Fence) -> None:
        """Give the canary the stable one's number of replicas, before it takes all the traffic."""

    async def remove(
        self, service: Service, revision: Revision, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """Remove a revision without traffic; return (removed, left). Gone already is removed."""

    async def uninstall(self, service: Service, fence: Fence | None = None) -> tuple[Resource, ...]:
        """Remove the whole service: all revisions and the data plane; return what was removed.

        fence: of the rollout whose installation this undoes; an older write of it, such as an
        install that is still under way, makes nothing any more.
        """
