"""Running versions of a service as processes on this machine."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from chimera.core.errors import ChimeraError, ProviderRefused, ProviderUnavailable
from chimera.core.model import Change, Fence, Readiness, Resource, Revision, Service
from chimera.platforms.envoy.ports import holder
from chimera.platforms.local import procfs
from chimera.platforms.local.faults import mapped
from chimera.platforms.local.fences import Fences
from chimera.platforms.local.fleet import Fleet
from chimera.platforms.local.fronts import Fronts
from chimera.platforms.local.options import Definition, target_of
from chimera.platforms.local.planning import changes
from chimera.platforms.local.probe import probe
from chimera.platforms.local.record import Record, Records
from chimera.platforms.local.replicas import Replicas

_SERVES_WITHIN_S = 10.0


class LocalOrchestrator:
    """The Orchestrator of this machine."""

    def __init__(
        self,
        records: Records,
        replicas: Replicas,
        fleet: Fleet,
        fronts: Fronts,
        fences: Fences,
    ) -> None:
        self._fences = fences
        self._records = records
        self._replicas = replicas
        self._fleet = fleet
        self._fronts = fronts

    @mapped("read the service")
    async def stable(self, service: Service) -> Revision | None:
        """Return the revision that the durable routes name."""
        record = self._records.load(service.name)
        return record.revisions[record.stable] if record and record.serving else None

    @mapped("plan")
    async def plan(self, service: Service, canary: Revision) -> tuple[Change, ...]:
        """Return each write of a rollout of `canary`, in order."""
        _definition(canary)
        return changes(self._installed(service), service, canary)

    @mapped("install")
    async def install(self, service: Service, revision: Revision, fence: Fence) -> None:
        """Run the very first revision behind a new Envoy; nothing is left if that fails."""
        await self._pass(service, fence, "install")
        definition = _definition(revision)
        present = self._records.load(service.name)
        if present and present.serving:
            if present.stable == revision.name:
                return
            reason = f"{present.stable} is installed already"
            raise ProviderRefused("local", "install", reason, hint="deploy it as a canary")
        record = Record(service, revision.name, routed=(revision.name,))
        record = record.with_revision(revision, definition.replicas)
        if present and present != record:
            await self.uninstall(service)  # another attempt, which never came to serve
        await self._check_port(service)
        self._records.save(record)
        try:
            await self._fleet.ensure(service, revision, definition.replicas, fence.rollout)
            async with self._fronts.lock(service.name):
                await self._pass(service, fence, "install")  # it may be undone meanwhile
                await self._fronts.ensure(record, fence.rollout)
                await self._fronts.apply(record)
            await self._serves(record)
            await self._pass(service, fence, "install")
        except ProviderRefused:
            # Whoever has overtaken it has removed it, and perhaps another installation has begun.
            with suppress(ProviderRefused):
                await self.uninstall(service, fence)
            raise
        self._records.save(record.completed())

    @mapped("start")
    async def start(
        self, service: Service, canary: Revision, replicas: int | None, fence: Fence
    ) -> tuple[Resource, ...]:
        """Start the canary beside stable; return when all replicas answer."""
        await self._pass(service, fence, "start")
        definition = _definition(canary)
        record = self._installed(service)
        if record is None:
            raise _not_installed(service, "start")
        if record.stable == canary.name:
            reason = f"{canary.name} is the stable version already"
            raise ProviderRefused("local", "start", reason, hint="deploy another version")
        wanted = replicas or definition.replicas
        self._records.save(record.serviced(service).with_revision(canary, wanted))
        started = await self._fleet.ensure(service, canary, wanted, fence.rollout)
        return tuple(one.resource for one in started)

    @mapped("ask the replicas")
    async def readiness(self, service: Service, revision: Revision) -> Readiness:
        """Ask every replica of a revision now."""
        record = self._records.load(service.name)
        if record is None or revision.name not in record.revisions:
            return Readiness(0, 0, f"{revision.name} was not started")
        wanted = record.wanted[revision.name]
        return await self._fleet.readiness(service.name, record.revisions[revision.name], wanted)

    @mapped("scale")
    async def scale_to_stable(self, service: Service, canary: Revision, fence: Fence) -> None:
        """Start what the canary lacks of stable's number of replicas, and send them traffic."""
        await self._pass(service, fence, "scale")
        record = self._records.load(service.name)
        if record is None or canary.name not in record.revisions:
            raise ProviderRefused("local", "scale", f"{canary.name} was never started")
        revision = record.revisions[canary.name]
        wanted = max(record.wanted[record.stable], record.wanted[canary.name])
        self._records.save(record.with_revision(revision, wanted))
        await self._fleet.ensure(service, revision, wanted, fence.rollout)
        await self._publish(service)

    @mapped("remove")
    async def remove(
        self, service: Service, revision: Revision, fence: Fence
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        """End a revision's processes; an installation that never served goes as a whole."""
        await self._pass(service, fence, "remove")
        record = self._records.load(service.name)
        if record and not record.serving:
            return await self.uninstall(service), ()
        if record and revision.name in (record.stable, record.canary):
            reason = f"{revision.name} is still routed to"
            raise ProviderRefused("local", "remove", reason, hint="move its traffic away first")
        if record and revision.name in record.routed:
            self._records.save(record.unrouted(revision.name))
            await self._publish(service)
        await self._fleet.dismiss(service.name, revision.name)
        removed, left = await self._end(service.name, revision.name)
        record = self._records.load(service.name)
        if record and not left:
            self._records.save(record.without(revision.name))
        return removed, left

    @mapped("uninstall")
    async def uninstall(self, service: Service, fence: Fence | None = None) -> tuple[Resource, ...]:
        """End Envoy, then all processes, then delete the service's folder."""
        self._fronts.lessor()
        if fence is not None:
            await self._pass(service, fence, "uninstall")
        async with self._fronts.lock(service.name):
            with suppress(ProviderRefused):  # a damaged record is deleted all the same
                record = self._records.load(service.name)
                if record:  # so that nobody starts anything for it any more
                    self._records.save(record.retired())
            await self._fleet.dismiss(service.name)
            envoy = await self._fronts.stop(service.name)
            removed, left = await self._end(service.name, "")
            if left:
                names = ", ".join(str(one) for one in left)
                raise ProviderUnavailable("local", "uninstall", f"these stay alive: {names}")
            self._records.delete(service.name)
        return (*([envoy] if envoy else []), *removed)

    async def _end(
        self, service: str, revision: str
    ) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
        found = await self._replicas.find(service, revision)
        ended = await asyncio.gather(
            *(self._replicas.stop(one, self._patience(service, one.revision)) for one in found)
        )
        pairs = list(zip(found, ended, strict=True))
        removed = tuple(one.resource for one, gone in pairs if gone)
        return removed, tuple(one.resource for one, gone in pairs if not gone)

    def _patience(self, service: str, revision: str) -> timedelta:
        with suppress(ProviderRefused, KeyError, ValueError):
            record = self._records.load(service)
            if record:
                return Definition.of(record.revisions[revision]).stop_timeout
        return timedelta(seconds=10)

    async def _publish(self, service: Service) -> None:
        async with self._fronts.lock(service.name):
            record = self._records.load(service.name)
            if record:
                await self._fronts.apply(record)

    async def _serves(self, record: Record) -> None:
        target, definition = target_of(record.service), record.revisions[record.stable]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(target.bind, target.bind)  # noqa: S104
        deadline = time.monotonic() + _SERVES_WITHIN_S
        while answer := await probe(target.port, Definition.of(definition).health, host=host):
            if time.monotonic() > deadline:
                reason = f"nothing comes through the front port {target.port}: {answer}"
                raise ProviderRefused("local", "install", reason)
            await asyncio.sleep(0.05)

    def _installed(self, service: Service) -> Record | None:
        record = self._records.load(service.name)
        if record is None or not record.serving:
            return None
        was, now = target_of(record.service), target_of(service)
        if (was.port, was.bind) != (now.port, now.bind):
            reason = f"the front is at {was.bind}:{was.port}, not at {now.bind}:{now.port}"
            hint = "uninstall the service to move it, or keep the port"
            raise ProviderRefused("local", "deploy", reason, hint=hint)
        return record

    def _port_of(self, service: str) -> int:
        with suppress(ChimeraError):  # a damaged record is that service's trouble
            record = self._records.load(service)
            return target_of(record.service).port if record else 0
        return 0

    async def _check_port(self, service: Service) -> None:
        port = target_of(service).port
        for name in self._records.names():
            if name != service.name and self._port_of(name) == port:
                raise _taken(f"port {port} belongs to service '{name}'")
        if await self._fronts.running(service.name) is None and procfs.is_taken(port):
            raise _taken(f"port {port} is in use by {holder(port)}")

    async def _pass(self, service: Service, fence: Fence, operation: str) -> None:
        self._fronts.lessor()
        await self._fences.check(service, fence, operation)


def _definition(revision: Revision) -> Definition:
    try:
        return Definition.of(revision)
    except ValueError as error:
        raise ProviderRefused("local", "read the revision", str(error)) from None


def _taken(reason: str) -> ProviderRefused:
    hint = "stop it, or choose another port"
    return ProviderRefused("local", "install", reason, hint=hint)


def _not_installed(service: Service, operation: str) -> ProviderRefused:
    reason = f"service '{service.name}' is not installed here"
    return ProviderRefused("local", operation, reason, hint="deploy its first version")
