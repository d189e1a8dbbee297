"""Simulated routes with a lease: the port `Router`."""

from __future__ import annotations

import math
from datetime import timedelta

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.memory.dataplane import DataPlane
from chimera.platforms.memory.world import PROVIDER, World, unknown


class MemoryRouter:
    """Steers simulated traffic."""

    leased = True

    def __init__(self, world: World) -> None:
        self._world = world

    async def read(self, service: Service) -> Split:
        """Return the split in force."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "read"):
            return self._split(plane)

    async def set_weights(
        self, service: Service, split: Split, fence: Fence, lease: timedelta
    ) -> None:
        """Put `split` in force."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "setWeights"):
            await self._world.pass_fence(service, fence, "set weights")
            if split.stable != plane.stable:
                reason = f"the stable revision is {plane.stable or 'none'}, not {split.stable}"
                raise ProviderRefused(PROVIDER, "set weights", reason)
            if split.canary and split.canary not in plane.fleets:
                raise unknown("set weights", service, split.canary)
            now = self._world.clock.monotonic()
            plane.steer(split.canary, split.weight, now + lease.total_seconds(), now)

    async def renew(self, service: Service, split: Split, fence: Fence, lease: timedelta) -> Split:
        """Read the split in force; if it equals `split`, extend the lease; return what was read."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "renew"):
            await self._world.pass_fence(service, fence, "renew")
            found = self._split(plane)
            if found == split:
                plane.lease_ends = self._world.clock.monotonic() + lease.total_seconds()
            return found

    async def commit(  # the durable default needs no lease
        self,
        service: Service,
        old: Revision,
        new: Revision,
        fence: Fence,
        lease: timedelta,  # noqa: ARG002
    ) -> None:
        """Make `new` the durable default for all traffic."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "commit"):
            await self._world.pass_fence(service, fence, "commit")
            if new.name not in plane.fleets:
                raise unknown("commit", service, new.name)
            await self._settle_on(service, plane, new, old, fence)

    async def restore(
        self, service: Service, stable: Revision, canary: Revision, fence: Fence
    ) -> None:
        """Make `stable` the durable default for all traffic, whatever is in force."""
        plane = self._world.plane(service)
        with self._world.troubled(plane, "restore"):
            await self._world.pass_fence(service, fence, "restore")
            if stable.name not in plane.fleets:
                raise unknown("restore", service, stable.name)
            await self._settle_on(service, plane, stable, canary, fence)

    async def drain(
        self, service: Service, revision: Revision, fence: Fence, timeout: timedelta
    ) -> int:
        """Wait until no request is in flight on a revision without traffic, then forget it here."""
        plane, clock = self._world.plane(service), self._world.clock
        with self._world.troubled(plane, "drain"):
            await self._world.pass_fence(service, fence, "drain")
            if plane.has_traffic(revision.name, clock.monotonic()):
                raise ProviderRefused(PROVIDER, "drain", f"{revision.name} still has traffic")
            fleet = plane.fleets.get(revision.name)
            busy_until = fleet.idle_since if fleet else -math.inf
            busy_until += plane.target.longest_request.total_seconds()
            waiting = min(busy_until - clock.monotonic(), timeout.total_seconds())
            if waiting > 0:
                await clock.sleep(waiting)
            if plane.canary == revision.name:
                plane.canary = ""
            left = max(0.0, busy_until - clock.monotonic())
            return math.ceil(left * plane.target.rate) if left > 0.01 else 0

    def _split(self, plane: DataPlane) -> Split:
        if not plane.stable:
            raise ProviderUnavailable(PROVIDER, "read", f"{plane.name} does not run yet")
        return plane.split(self._world.clock.monotonic())

    async def _settle_on(
        self, service: Service, plane: DataPlane, winner: Revision, loser: Revision, fence: Fence
    ) -> None:
        fleets = plane.fleets
        replicas = fleets[winner.name].replicas
        await self._world.write_down(service, winner, replicas, fence.rollout, stable=True)
        plane.make_stable(winner.name, self._world.clock.monotonic())
        if loser.name in fleets:
            replicas = fleets[loser.name].replicas
            await self._world.write_down(service, loser, replicas, fence.rollout, stable=False)
