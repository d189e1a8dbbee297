"""One folder of services for a test: a real store, a real platform, and the words to drive it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from chimera.core.model import Fence, Revision, Service, Split, Traffic
from chimera.platforms.local.platform import LocalPlatform
from chimera.platforms.local.spawn import free_port
from chimera.store import Store, open_store

APP = str(Path(__file__).with_name("app.py"))
LEASE = timedelta(seconds=15)
FENCE = Fence("r1", 1)


def command(*more: str) -> list[str]:
    return [sys.executable, APP, "{port}", "{version}", *more]


def service(name: str = "web", **settings: Any) -> Service:
    target = {"port": free_port(), "command": command(), **settings}
    return Service(name, "local", target, Traffic())


@dataclass
class Room:
    """A platform that runs, and what it runs; `fence` is that of rollout r1 unless changed."""

    folder: Path
    store: Store
    platform: LocalPlatform
    service: Service
    fence: Fence = FENCE
    lease: timedelta = LEASE
    short: timedelta = timedelta(seconds=1)

    @property
    def port(self) -> int:
        return int(self.service.settings["port"])

    def with_settings(self, **settings: Any) -> Service:
        return replace(self.service, settings={**self.service.settings, **settings})

    def revision(self, version: str, service: Service | None = None) -> Revision:
        return self.platform.revision(service or self.service, version=version, image="")

    async def install(self, version: str = "v1") -> Revision:
        revision = self.revision(version)
        await self.platform.orchestrator.install(self.service, revision, Fence("r0", 1))
        return revision

    async def canary(self, version: str = "v2", weight: int | None = None) -> Revision:
        """Start a canary and, if asked to, give it weight."""
        revision = self.revision(version)
        await self.platform.orchestrator.start(self.service, revision, None, self.fence)
        if weight is not None:
            await self.shift(version, weight)
        return revision

    async def shift(self, version: str, weight: int, lease: timedelta = LEASE) -> None:
        stable = await self.platform.orchestrator.stable(self.service)
        assert stable is not None
        split = Split(stable.name, version, weight)
        await self.platform.router.set_weights(self.service, split, self.fence, lease)

    async def read(self) -> Split:
        return await self.platform.router.read(self.service)

    async def pids(self, kind: str = "process", revision: str = "") -> list[int]:
        found = await self.store.inventory.find(
            service=self.service.name, kind=kind, revision=revision
        )
        return [one.detail.get("pid", 0) for one in found]


@asynccontextmanager
async def room(folder: Path, **settings: Any) -> AsyncIterator[Room]:
    """Open a room in `folder`; at the end nothing of it is left."""
    async with open_store(f"sqlite:///{folder / 'ledger.db'}") as store:
        platform = LocalPlatform(store.inventory, str(folder / "local"))
        await platform.start()
        opened = Room(folder, store, platform, service(**settings))
        try:
            yield opened
        finally:
            platform = opened.platform  # a test may have put another one in its place
            for name in {one.service for one in await store.inventory.find()}:
                await platform.orchestrator.uninstall(replace(opened.service, name=name))
            await platform.close()
