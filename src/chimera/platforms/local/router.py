"""Steering traffic through the service's own Envoy, where a canary's weight is a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.model import Fence, Revision, Service, Split
from chimera.platforms.envoy.leases import LeaseState
from chimera.platforms.envoy.model import TOTAL_WEIGHT
from chimera.platforms.envoy.routes import split_values
from chimera.platforms.local.faults import mapped
from chimera.platforms.local.fences import Fences
from chimera.platforms.local.fronts import Fronts, shape
from chimera.platforms.local.reading import in_force
from chimera.platforms.local.record import Record, Records, slug

_DRAIN_POLL_S = 0.05
_CLEAR_WITHIN = timedelta(seconds=2)


class LocalRouter:
    """The Router of this machine: files for the durable truth, leases for a canary's weight."""

    leased = True

    def __init__(self, fences: Fences, records: Records, fronts: Fronts) -> None:
        self._fences = fences
        self._records = records
        self._fronts = fronts
        self._shifting: dict[str, asyncio.Task[None]] = {}

    @mapped("read the split")
    async def read(self, service: Service) -> Split:
        """Return the split that Envoy has in force."""
        record = self._records.load(service.name)
        if record is None or not record.serving:
            reason = f"service '{service.name}' is not installed here"
            raise ProviderUnavailable("local", "read the split", reason, hint="deploy it first")
        return await in_force(self._fronts, record)

    @mapped("set weights")
    async def set_weights(
        self, service: Service, split: Split, fence: Fence, lease: timedelta
    ) -> None:
        """Put `split` in force; a restore that comes meanwhile overtakes it."""
        await self._fences.check(service, fence, "set weights")
        await self._overtakable(service, self._shift(service, split, fence, lease))

    @mapped("renew the lease")
    async def renew(self, service: Service, split: Split, fence: Fence, lease: timedelta) -> Split:
        """Extend the lease of the split in force, if it is this one."""
        await self._fences.check(service, fence, "renew the lease", lenient=True)
        record = self._record(service, "renew the lease")
        leases = self._fronts.lessor()
        seen = await in_force(self._fronts, record)
        if seen != split or not split.weight:
            return seen
        front = shape(record)
        values = split_values(front, split.weight * TOTAL_WEIGHT // 100)
        if leases.renew(front.layer, values, lease):
            return seen
        held = leases.lease(front.layer)
        if held is None:  # a controller before this one gave the lease; Envoy still has it
            await leases.set(front.layer, values, lease)
            return seen
        # It lapsed, was given back, or is another one by now: all of that is on its way to Envoy.
        return seen if held.state is LeaseState.HELD else Split(split.stable, split.canary)

    @mapped("commit")
    async def commit(  # the durable routes need no lease
        self,
        service: Service,
        old: Revision,
        new: Revision,
        fence: Fence,
        lease: timedelta,  # noqa: ARG002
    ) -> None:
        """Write `new` into the durable routes, then let the lease go."""
        await self._fences.check(service, fence, "commit")
        self._fronts.lessor()
        async with self._fronts.lock(service.name):
            record = self._record(service, "commit")
            if record.stable not in (old.name, new.name) or new.name not in record.routed:
                reason = f"cannot go from {old.name} to {new.name}, stable is {record.stable}"
                raise ProviderRefused("local", "commit", reason)
            await self._settle(record.routing(new.name), "commit")

    @mapped("restore")
    async def restore(
        self,
        service: Service,
        stable: Revision,
        canary: Revision,  # noqa: ARG002  # whatever has traffic loses it
        fence: Fence,
    ) -> None:
        """Write `stable` into the durable routes, whatever is in force, and end the lease."""
        await self._fences.check(service, fence, "restore", lenient=True)
        self._fronts.lessor()
        if shifting := self._shifting.pop(service.name, None):
            shifting.cancel()
        async with self._fronts.lock(service.name):
            record = self._record(service, "restore")
            if stable.name not in record.revisions:
                reason = f"{stable.name} is not here any more; {record.stable} serves"
                raise ProviderRefused("local", "restore", reason)
            if record.stable == stable.name:  # files need room on a disk, this does not
                await self._fronts.end_lease(shape(record).layer, within=_CLEAR_WITHIN)
            known = stable.name in record.routed
            await self._settle(record.routing(stable.name), "restore", known=known)

    @mapped("drain")
    async def drain(
        self, service: Service, revision: Revision, fence: Fence, timeout: timedelta
    ) -> int:
        """Wait for a revision's requests in flight, then take its cluster from Envoy."""
        await self._fences.check(service, fence, "drain")
        self._fronts.lessor()
        async with self._fronts.lock(service.name):
            record = self._records.load(service.name)
            if record is None or revision.name not in record.routed:
                return 0
            if record.stable == revision.name:
                raise ProviderRefused("local", "drain", f"{revision.name} serves by default")
            if record.canary == revision.name:
                if (await in_force(self._fronts, record)).weight:
                    reason = f"{revision.name} still has traffic"
                    raise ProviderRefused("local", "drain", reason)
                await self._settle(record.routing(record.stable), "drain")
            left = await self._quiet(service.name, slug(revision.name), timeout)
            record = self._records.load(service.name) or record
            record = record.unrouted(revision.name)
            self._records.save(record)
            await self._fronts.apply(record)
            return left

    async def _shift(self, service: Service, split: Split, fence: Fence, lease: timedelta) -> None:
        leases = self._fronts.lessor()
        async with self._fronts.lock(service.name):
            record = self._record(service, "set weights")
            if record.stable != split.stable:
                reason = f"stable is {record.stable}, not {split.stable}"
                raise ProviderRefused("local", "set weights", reason)
            if split.canary and split.canary not in record.revisions:
                reason = f"{split.canary} was never started"
                raise ProviderRefused("local", "set weights", reason)
            wanted = record.routing(split.stable, split.canary)
            if not split.canary:
                await self._settle(wanted, "set weights")
                return
            self._records.save(wanted)
            await self._fronts.apply(wanted)
            # A newer write may have come meanwhile.
            await self._fences.check(service, fence, "set weights")
            front = shape(wanted)
            if split.weight:
                values = split_values(front, split.weight * TOTAL_WEIGHT // 100)
                await leases.set(front.layer, values, lease)
            else:
                await leases.clear(front.layer)
            await self._expect(wanted, split, "set weights")

    async def _settle(self, record: Record, operation: str, *, known: bool = True) -> None:
        """Route everything to the record's stable version: the durable routes, then the lease."""
        self._records.save(record)
        await (self._fronts.route(record) if known else self._fronts.apply(record))
        front = shape(record)
        await self._fronts.end_lease(front.layer, within=_CLEAR_WITHIN)
        await self._expect(record, Split(record.stable), operation)

    async def _expect(self, record: Record, wanted: Split, operation: str) -> None:
        seen = await in_force(self._fronts, record)
        if seen != wanted:
            reason = f"asked for {wanted}, but Envoy says {seen}"
            raise ProviderUnavailable("local", operation, reason)

    async def _quiet(self, service: str, cluster: str, timeout: timedelta) -> int:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout.total_seconds()
        while True:
            seen = await self._fronts.envoy(service).admin.membership(cluster)
            active = seen.active if seen else 0
            if not active or loop.time() >= deadline:
                return active
            await asyncio.sleep(_DRAIN_POLL_S)

    async def _overtakable(self, service: Service, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._shifting[service.name] = task
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():  # it is the caller who was cancelled
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                raise
            reason = "a restore overtook it"
            raise ProviderRefused("local", "set weights", reason) from None
        finally:
            if self._shifting.get(service.name) is task:
                del self._shifting[service.name]

    def _record(self, service: Service, operation: str) -> Record:
        record = self._records.load(service.name)
        if record is None:
            reason = f"service '{service.name}' is not installed here"
            raise ProviderRefused("local", operation, reason, hint="deploy it first")
        return record
