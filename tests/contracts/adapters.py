"""The adapters that the contract suites run on: a factory each, one line per adapter below."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.support.clock import ManualClock

from chimera.core.errors import LedgerError
from chimera.core.model import Fence, Resource, Revision, Service, Split
from chimera.platforms.memory import MemoryInventory, MemoryPlatform
from chimera.ports.inventory import Inventory
from chimera.ports.metrics import MetricSource
from chimera.ports.orchestrator import Orchestrator
from chimera.ports.platform import Platform
from chimera.ports.router import Router
from chimera.store import open_store, sqlite_url


class FullInventory:
    """An inventory on a disk that can be full: while `full`, nothing can be recorded."""

    def __init__(self, inner: Inventory) -> None:
        self._inner = inner
        self.full = False

    async def record(self, resource: Resource) -> None:
        if self.full:
            raise LedgerError("the disk is full")
        await self._inner.record(resource)

    async def forget(self, kind: str, id: str) -> None:  # noqa: A002
        await self._inner.forget(kind, id)

    async def find(
        self, *, service: str = "", revision: str = "", rollout: str = "", kind: str = ""
    ) -> tuple[Resource, ...]:
        return await self._inner.find(
            service=service, revision=revision, rollout=rollout, kind=kind
        )

    async def pass_fence(self, service: str, fence: Fence) -> bool:
        return await self._inner.pass_fence(service, fence)


@dataclass
class Rig:
    """A started platform with one service that is not installed yet, and hands to play with it.

    send: make about that many requests arrive. wait: let seconds pass. successor: a new platform in
    the place of this one, as after a restart of the controller. lease: short, but long enough to
    renew in time.
    """

    platform: Platform
    service: Service
    inventory: FullInventory
    send: Callable[[int], Awaitable[None]]
    wait: Callable[[float], Awaitable[None]]
    successor: Callable[[], Awaitable[Platform]]
    lease: timedelta = timedelta(seconds=3)
    v1: Revision = field(init=False)
    v2: Revision = field(init=False)

    def __post_init__(self) -> None:
        self.v1 = self.platform.revision(self.service, version="v1", image="")
        self.v2 = self.platform.revision(self.service, version="v2", image="")

    @property
    def orchestrator(self) -> Orchestrator:
        return self.platform.orchestrator

    @property
    def router(self) -> Router:
        return self.platform.router

    @property
    def metrics(self) -> MetricSource:
        return self.platform.metrics

    def fence(self, generation: int, rollout: str = "r1") -> Fence:
        return Fence(rollout, generation)

    def split(self, weight: int) -> Split:
        return Split(self.v1.name, self.v2.name, weight)


@asynccontextmanager
async def memory_rig(folder: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    inventory = FullInventory(MemoryInventory())
    platform = MemoryPlatform(inventory, str(folder), clock)
    settings = {"rate": 100.0, "replicas": 2, "errors": "5%", "startTime": "2s"}

    async def send(requests: int) -> None:
        await clock.sleep(requests / 100.0)

    async def successor() -> Platform:
        heir = MemoryPlatform(inventory, str(folder), clock)
        await heir.start()
        return heir

    await platform.start()
    yield Rig(
        platform, Service("shop", "memory", settings), inventory, send, clock.sleep, successor
    )
    await platform.close()


def local_rig(folder: Path) -> AbstractAsyncContextManager[Rig]:
    from tests.contracts import local  # it builds on this module

    return local.local_rig(folder)


def appmesh_rig(folder: Path) -> AbstractAsyncContextManager[Rig]:
    from tests.contracts import aws

    return aws.appmesh_rig(folder)


def alb_rig(folder: Path) -> AbstractAsyncContextManager[Rig]:
    from tests.contracts import alb

    return alb.alb_rig(folder)


@asynccontextmanager
async def memory_inventory(_: Path) -> AsyncIterator[Inventory]:
    yield MemoryInventory()


@asynccontextmanager
async def store_inventory(folder: Path) -> AsyncIterator[Inventory]:
    async with open_store(sqlite_url(folder / "ledger.db")) as store:
        yield store.inventory


PLATFORMS: dict[str, Callable[[Path], AbstractAsyncContextManager[Rig]]] = {
    "ecs-alb": alb_rig,
    "ecs-appmesh": appmesh_rig,
    "local": local_rig,
    "memory": memory_rig,
}
INVENTORIES: dict[str, Callable[[Path], AbstractAsyncContextManager[Inventory]]] = {
    "memory": memory_inventory,
    "store": store_inventory,
}
