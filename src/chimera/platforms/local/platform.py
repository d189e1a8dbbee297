"""The platform `local`: its ports, its controller's lock, its keeper."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from chimera.core.errors import ChimeraError, ProviderRefused
from chimera.core.model import Revision, Service
from chimera.platforms.local.doctor import examine
from chimera.platforms.local.fences import Fences
from chimera.platforms.local.fleet import Fleet
from chimera.platforms.local.fronts import Fronts
from chimera.platforms.local.keeper import Keeper
from chimera.platforms.local.options import Definition, LocalTarget, build_revision
from chimera.platforms.local.orchestrator import LocalOrchestrator
from chimera.platforms.local.reading import LocalMetrics
from chimera.platforms.local.record import Records
from chimera.platforms.local.replicas import Replicas
from chimera.platforms.local.router import LocalRouter
from chimera.ports.inventory import Inventory
from chimera.ports.metrics import MetricSource
from chimera.ports.orchestrator import Orchestrator
from chimera.ports.platform import Check
from chimera.ports.router import Router

log = logging.getLogger(__name__)


class LocalPlatform:
    """Runs services as processes on this machine, each behind its own Envoy.

    Reading works from any process. Writing needs `start`, which makes this process the controller
    of `folder`; there is one at a time.
    """

    name = "local"
    options: type[BaseModel] = LocalTarget
    orchestrator: Orchestrator
    router: Router
    metrics: MetricSource

    def __init__(self, inventory: Inventory, folder: str) -> None:
        self._folder = Path(folder).absolute()
        self._records = Records(self._folder)
        self._replicas = Replicas(inventory)
        self._fleet = Fleet(self._replicas, self._records)
        self._fronts = Fronts(inventory, self._records, self._replicas)
        fences = Fences(inventory)
        self.orchestrator = LocalOrchestrator(
            self._records, self._replicas, self._fleet, self._fronts, fences
        )
        self.router = LocalRouter(fences, self._records, self._fronts)
        self.metrics = LocalMetrics(self._records, self._fronts)
        self._lock: int | None = None
        self._keeper: asyncio.Task[None] | None = None

    def revision(self, service: Service, *, version: str, image: str) -> Revision:
        """Resolve the target's command for a version."""
        return build_revision(service, version=version, image=image)

    async def start(self) -> None:
        """Become the folder's controller: serve leases, re-adopt, keep things alive."""
        if self._lock is not None:
            return
        self._lock = _lock(self._folder)
        try:
            await self._fronts.open()
            await self._adopt()
        except BaseException:
            await self.close()
            raise
        keeper = Keeper(self._records, self._replicas, self._fleet, self._fronts)
        self._keeper = asyncio.create_task(keeper.run())

    async def _adopt(self) -> None:
        """Take in what runs for this folder and the inventory does not know, as after its loss."""
        for name in self._records.names():
            with suppress(ChimeraError):  # a damaged record: the keeper says so
                record = self._records.load(name)
                if record is None:
                    continue
                digests = {n: Definition.of(r).digest for n, r in record.revisions.items()}
                found = await self._replicas.adopt(name, self._records.logs(name), digests)
                if await self._fronts.adopt(record) or found:
                    log.warning("local.adopted", extra={"service": name, "processes": found})

    async def close(self) -> None:
        """Let go; services, their Envoys and stable's traffic go on."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self._fronts.close()
        if self._lock is not None:
            os.close(self._lock)
        self._keeper = self._lock = None

    async def doctor(self) -> Sequence[Check]:
        """Check Envoy, the folder, the ports and /proc."""
        return await examine(self._folder, self._records)


def _lock(folder: Path) -> int:
    """Hold the folder for this process, as long as it lives; return the lock's descriptor."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "controller.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        reason = f"{folder} cannot be written: {error.strerror}"
        raise ProviderRefused("local", "start", reason, hint="choose another folder") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        reason = f"another controller (pid {owner}) runs {folder}"
        hint = "use the running one, or stop it first"
        raise ProviderRefused("local", "start", reason, hint=hint) from None
    os.truncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
