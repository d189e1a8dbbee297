"""The local platform for the contract suites: real processes behind a real Envoy."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.contracts.adapters import FullInventory, Rig
from tests.platforms.local.room import service
from tests.support.load import burst

from chimera.platforms.local.platform import LocalPlatform
from chimera.store import open_store


@asynccontextmanager
async def local_rig(_: Path) -> AsyncIterator[Rig]:
    """Keep everything in a folder with a short path; leave nothing."""
    folder = Path(tempfile.mkdtemp(prefix="chm-"))
    try:
        async with open_store(f"sqlite:///{folder / 'ledger.db'}") as store:
            inventory = FullInventory(store.inventory)
            platform = LocalPlatform(inventory, str(folder / "local"))
            shop = service("shop", replicas=2)

            async def send(requests: int) -> None:
                await burst(int(shop.settings["port"]), requests)

            async def wait(seconds: float) -> None:
                await asyncio.sleep(seconds)

            async def successor() -> LocalPlatform:
                await platform.close()
                heir = LocalPlatform(inventory, str(folder / "local"))
                await heir.start()
                return heir

            await platform.start()
            try:
                lease = timedelta(seconds=2)
                yield Rig(platform, shop, inventory, send, wait, successor, lease)
            finally:
                await platform.start()  # unless it runs; an heir has been closed by its test
                await platform.orchestrator.uninstall(shop)
                await platform.close()
    finally:
        shutil.rmtree(folder)
