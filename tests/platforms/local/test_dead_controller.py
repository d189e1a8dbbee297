"""What users meet when the controller dies: the split for the length of its lease, then stable."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.platforms.local.room import Room, service
from tests.support.eventually import eventually
from tests.support.load import Load, burst

from chimera.core.errors import ProviderError, ProviderRefused
from chimera.core.model import Fence, Service, Split
from chimera.platforms.local.platform import LocalPlatform
from chimera.platforms.local.procfs import is_taken
from chimera.store import open_store

CONTROLLER = str(Path(__file__).with_name("controller.py"))
LEASE_S = 3.0
SLACK_S = 15.0  # two cores for all tests


async def controller(
    folder: Path, described: Service, *mode: str, lease_s: float = LEASE_S
) -> asyncio.subprocess.Process:
    settings = json.dumps(dict(described.settings))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, CONTROLLER, str(folder), settings, str(lease_s), *mode),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"leased\n"
    return process


async def kill(process: asyncio.subprocess.Process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()


def lose_ledger(folder: Path) -> None:
    for file in folder.glob("ledger.db*"):
        file.unlink()


@asynccontextmanager
async def taken_over(folder: Path, described: Service) -> AsyncIterator[Room]:
    """Another platform object takes the folder over; at the end nothing is left of the service."""
    async with open_store(f"sqlite:///{folder}/ledger.db") as store:
        platform = LocalPlatform(store.inventory, str(folder / "local"))
        await platform.start()
        try:
            yield Room(folder, store, platform, described)
        finally:
            await platform.orchestrator.uninstall(described)
            await platform.close()
            assert not is_taken(int(described.settings["port"]))


def _are(met: Counter[str], version: str, enough: int) -> bool:
    return met[version] >= enough


async def all_are_stable(load: Load) -> None:
    """Wait until a hundred answers in a row came from the stable version."""
    met = load.tally.revisions
    async with asyncio.timeout(LEASE_S + SLACK_S):
        while True:
            canary, enough = met["v2"], met["v1"] + 100
            await eventually(partial(_are, met, "v1", enough))
            if met["v2"] == canary:
                return


async def test_after_a_kill_all_traffic_is_stable_within_the_lease(folder: Path) -> None:
    web = service()
    process = await controller(folder, web)
    port = int(web.settings["port"])
    async with Load(port, rate=100) as load:
        await eventually(lambda: load.tally.revisions["v2"] > 20)
        await kill(process)
        killed, loop = time.monotonic(), asyncio.get_running_loop()
        await all_are_stable(load)
        quiet_since = load.tally.last_seen["v2"]
        assert quiet_since - (loop.time() - time.monotonic() + killed) < LEASE_S + SLACK_S
    assert not load.tally.failures
    async with taken_over(folder, web) as room:
        assert await room.read() == Split("v1", "v2", 0)
        assert len(await room.pids()) == 2  # both versions went on, nothing was started twice
        room.fence = Fence("r1", 2)
        v1, v2 = room.revision("v1"), room.revision("v2")
        await room.platform.router.restore(web, v1, v2, room.fence)
        assert await room.read() == Split("v1")


async def test_a_restart_within_the_lease_keeps_the_weight(folder: Path) -> None:
    web = service()
    await kill(await controller(folder, web, lease_s=10))
    second = await controller(folder, web, "resume", lease_s=10)  # says "leased" as it reads 50 %
    tally = await burst(int(web.settings["port"]), 200)
    assert 60 < tally.revisions["v2"] < 140
    assert not tally.failures
    await kill(second)
    async with taken_over(folder, web) as room:
        split = Split("v1", "v2", 50)
        assert await room.read() == split
        renewed = await room.platform.router.renew(web, split, room.fence, room.lease)
        assert renewed == split
        assert (await burst(room.port, 100)).revisions["v2"] > 20


async def test_a_second_controller_is_refused_and_disturbs_nothing(room: Room) -> None:
    await room.install()
    await room.canary(weight=50)
    second = LocalPlatform(room.store.inventory, str(room.folder / "local"))
    with pytest.raises(ProviderRefused, match=rf"another controller \(pid {os.getpid()}\)"):
        await second.start()
    assert await second.router.read(room.service) == Split("v1", "v2", 50)  # reading is free
    with pytest.raises(ProviderError, match="not the controller"):
        await second.router.set_weights(room.service, Split("v1", "v2", 90), room.fence, room.lease)
    await second.close()
    assert await room.read() == Split("v1", "v2", 50)


async def test_a_lease_that_is_not_renewed_ends_also_with_a_live_controller(room: Room) -> None:
    await room.install()
    await room.canary()
    await room.shift("v2", 50, lease=room.short)
    split = Split("v1", "v2", 50)
    assert await room.read() == split
    await eventually(lambda: _weight_is(room, 0), within_s=60)
    seen = await room.platform.router.renew(room.service, split, room.fence, room.lease)
    assert seen == Split("v1", "v2", 0)  # renewing does not bring it back
    assert (await burst(room.port, 50)).revisions == {"v1": 50}


async def _weight_is(room: Room, weight: int) -> bool:
    return (await room.read()).weight == weight


async def test_a_lost_inventory_is_rebuilt_from_what_runs(folder: Path) -> None:
    web = service()
    await kill(await controller(folder, web, lease_s=10))
    lose_ledger(folder)
    async with taken_over(folder, web) as room:
        assert len(await room.pids()) == 2
        assert len(await room.pids("envoy")) == 1
        assert await room.read() == Split("v1", "v2", 50)
        v1 = room.revision("v1")
        assert (await room.platform.orchestrator.readiness(web, v1)).ok
        assert not (await burst(room.port, 50)).failures
