"""Every service's Envoy: described from the record, kept on it, and read back."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from chimera.core.errors import ProviderError, ProviderRefused, ProviderUnavailable
from chimera.core.model import Resource
from chimera.platforms.envoy.config import Layout
from chimera.platforms.envoy.front import EnvoyFront
from chimera.platforms.envoy.model import (
    SOCKET_PATH_LIMIT,
    Cluster,
    Endpoint,
    Front,
    HealthCheck,
    TrafficOptions,
)
from chimera.platforms.envoy.ports import forget_port
from chimera.platforms.envoy.proc import ProcessId, identity, is_alive
from chimera.platforms.local import procfs
from chimera.platforms.local.options import Definition, target_of
from chimera.platforms.local.record import Record, Records, slug
from chimera.platforms.local.replicas import Replicas
from chimera.ports.inventory import Inventory

if TYPE_CHECKING:
    from chimera.platforms.envoy.rtds import RtdsServer

KIND = "envoy"
_LONGEST_LEASE = timedelta(minutes=10)
_CONFIRM_WITHIN = timedelta(seconds=10)


class Fronts:
    """Runs one Envoy per service. `leases` is there while this process is the controller."""

    def __init__(self, inventory: Inventory, records: Records, replicas: Replicas) -> None:
        self._inventory = inventory
        self._records = records
        self._replicas = replicas
        self._envoys: dict[str, EnvoyFront] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.sockets = socket_folder(records.folder)
        self.leases: RtdsServer | None = None

    async def open(self) -> None:
        """Begin to serve leases to every Envoy of this folder."""
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.sockets.stat().st_uid != os.getuid():
            reason = f"{self.sockets} belongs to another user"
            raise ProviderRefused("local", "start", reason, hint="use a folder of your own")
        from chimera.platforms.envoy.rtds import RtdsServer  # heavy, and only a controller leases

        leases = RtdsServer(self._controller, ttl=_LONGEST_LEASE)
        await leases.start()
        self.leases = leases

    async def close(self) -> None:
        """Let go; every Envoy goes on and drops its leases in time."""
        if self.leases:
            await self.leases.stop()
            if not self._records.names():
                shutil.rmtree(self.sockets, ignore_errors=True)
        self.leases = None
        for envoy in self._envoys.values():
            await envoy.close()
        self._envoys.clear()

    def lock(self, service: str) -> asyncio.Lock:
        """Return the lock that every change of a service's routes holds."""
        return self._locks[service]

    def lessor(self) -> RtdsServer:
        """Return the server of leases; ProviderUnavailable if this is not the controller."""
        if self.leases is None:
            reason = "this process is not the controller of the folder"
            raise ProviderUnavailable("local", "steer traffic", reason, hint="run `chimera up`")
        return self.leases

    def envoy(self, service: str) -> EnvoyFront:
        """Return the handle of a service's Envoy, running or not."""
        if service not in self._envoys:
            place = self._records.place(service)
            name = hashlib.sha256(service.encode()).hexdigest()[:10]
            layout = Layout(place, self.sockets / f"{name}.sock", self._controller)
            self._envoys[service] = EnvoyFront(layout, port_locks=_port_locks())
        return self._envoys[service]

    async def describe(self, record: Record) -> Front:
        """Describe the front that a record asks for, with the replicas that exist now."""
        clusters = [await self._cluster(record, name) for name in record.routed]
        return replace(shape(record), clusters=tuple(clusters))

    async def _cluster(self, record: Record, name: str) -> Cluster:
        replicas = await self._replicas.find(record.service.name, name)
        endpoints = tuple(Endpoint("127.0.0.1", one.port) for one in replicas)
        health = HealthCheck(Definition.of(record.revisions[name]).health)
        return Cluster(slug(name), endpoints, health)

    async def running(self, service: str) -> ProcessId | None:
        """Return the identity of a service's Envoy if it runs."""
        for resource in await self._inventory.find(service=service, kind=KIND):
            detail = resource.detail
            if "pid" in detail:
                process = ProcessId(detail["pid"], detail["started"], detail["boot"])
                return process if is_alive(process) else None
            return await self._found_again(resource)
        return None

    async def adopt(self, record: Record) -> bool:
        """Record an Envoy of this folder that the inventory has lost; False if there is none."""
        service = record.service.name
        if await self._inventory.find(service=service, kind=KIND):
            return False
        lost = Resource(KIND, service, service, detail={"port": shape(record).port})
        return await self._found_again(lost) is not None

    async def ensure(self, record: Record, rollout: str = "") -> ProcessId:
        """Return the service's Envoy; start it on the record's durable routes if it does not run.

        A new Envoy begins with all traffic on stable: a lease given to its predecessor is over.
        """
        service = record.service.name
        process = await self.running(service)
        if process is not None:
            return process
        front = await self.describe(record)
        await self.end_lease(front.layer)  # or the new Envoy would be given it
        resource = Resource(KIND, service, service, rollout=rollout, detail={"port": front.port})
        await self._inventory.record(resource)
        process = await self.envoy(service).start(front)
        await self._inventory.record(_identified(resource, process))
        return process

    async def apply(self, record: Record, *, drain: timedelta = timedelta(0)) -> None:
        """Bring clusters, endpoints and routes to the record, in the order that loses nothing."""
        await self.ensure(record)
        await self.envoy(record.service.name).apply(await self.describe(record), drain=drain)

    async def route(self, record: Record) -> None:
        """Bring the routes alone to the record, at once; all clusters are there already."""
        await self.ensure(record)
        await self.envoy(record.service.name).route(shape(record), within=_CONFIRM_WITHIN)

    async def end_lease(self, layer: str, *, within: timedelta = timedelta(0)) -> None:
        """Take a canary's weights back, whether or not an Envoy is there to confirm it."""
        if self.leases:
            with suppress(ProviderError):
                await self.leases.clear(layer, within=within)

    async def stop(self, service: str) -> Resource | None:
        """End a service's Envoy; return what was ended."""
        process = await self.running(service)
        if process is not None:
            await self.envoy(service).stop(process)
        envoy = self._envoys.pop(service, None)
        if envoy is not None:
            envoy.layout.admin.unlink(missing_ok=True)
            await envoy.close()
        found = await self._inventory.find(service=service, kind=KIND)
        for resource in found:
            forget_port(resource.detail["port"], folder=_port_locks())
            await self._inventory.forget(KIND, resource.id)
        return found[0] if found else None

    @property
    def _controller(self) -> Path:
        return self.sockets / "leases.sock"

    async def _found_again(self, resource: Resource) -> ProcessId | None:
        """Find an Envoy that was started just before its controller crashed."""
        bootstrap = self.envoy(resource.service).layout.bootstrap
        for pid in procfs.with_argument(str(bootstrap)):
            process = identity(pid)
            if process is not None and is_alive(process):
                await self._inventory.record(_identified(resource, process))
                return process
        return None


def shape(record: Record) -> Front:
    """Describe a front without its replicas, which its routes do not depend on."""
    target, traffic = target_of(record.service), record.service.traffic
    return Front(
        service=slug(record.service.name),
        port=target.port,
        address=target.bind,
        clusters=tuple(Cluster(slug(name), ()) for name in record.routed),
        stable=slug(record.stable),
        canary=slug(record.canary) if record.canary else None,
        options=TrafficOptions(
            sticky=traffic.sticky, override_header="x-chimera" if traffic.override else ""
        ),
    )


def _identified(resource: Resource, process: ProcessId) -> Resource:
    identity = {"pid": process.pid, "started": process.started, "boot": process.boot}
    detail = {**resource.detail, **identity}
    return Resource(KIND, resource.id, resource.service, rollout=resource.rollout, detail=detail)


def _port_locks() -> Path:
    # One for all folders of a user: two of them must not share a port either.
    return Path(tempfile.gettempdir()) / f"chimera-ports-{os.getuid()}"


def socket_folder(folder: Path) -> Path:
    """Return where a folder's sockets are: in it, unless its path is too long for a socket."""
    inside = folder / "sockets"
    if len(os.fsencode(inside / "0123456789.sock.lock")) <= SOCKET_PATH_LIMIT:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"chimera-{os.getuid()}-{name}"
