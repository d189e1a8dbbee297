"""A canary's traffic ends by itself when nobody stands behind it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.platforms.envoy.conftest import Room
from tests.support.eventually import eventually
from tests.support.load import Load, burst
from tests.support.upstream import Upstream

from chimera.platforms.envoy.leases import LeaseState
from chimera.platforms.envoy.model import Front
from chimera.platforms.envoy.routes import split_values
from chimera.platforms.envoy.rtds import RtdsServer

TTL = timedelta(seconds=3)
TTL_S = TTL.total_seconds()
SLACK_S = 6.0  # two cores for all tests: how late a timer of Envoy and our look at it may be
LONGER_S = TTL_S + 0.7


@asynccontextmanager
async def controller(
    room: Room, front: Front, weight: int, lease_s: float = TTL_S
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a controller that leases this weight; it is killed at the end at the latest."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.platforms.envoy.controller"),
        *(str(room.layout.controller), front.layer),
        *(json.dumps(split_values(front, weight)), str(TTL_S), str(lease_s)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"leased\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def reverted(room: Room) -> bool:
    """Tell whether no lease is in effect."""
    return await room.envoy.admin.runtime() == {}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_without_a_controller_all_traffic_is_stable_within_the_ttl(
    room: Room, how: signal.Signals
) -> None:
    async with Upstream("v1") as v1, Upstream("v2") as v2:
        front = await room.start(room.describe(v1, v2))
        async with controller(room, front, 5000) as process, Load(front.port, rate=200) as load:
            await eventually(lambda: load.tally.revisions["v2"] > 50)
            process.send_signal(how)
            killed = asyncio.get_running_loop().time()
            await eventually(lambda: reverted(room), within_s=TTL_S + SLACK_S)
            before = load.tally.sent
            await eventually(lambda: load.tally.sent > before + 200)
        assert load.tally.last_seen["v2"] - killed < TTL_S + SLACK_S
        assert load.tally.failures == []


async def test_a_thawed_controller_does_not_send_traffic_out_again(room: Room) -> None:
    async with Upstream("v1") as v1, Upstream("v2") as v2:
        front = await room.start(room.describe(v1, v2))
        async with controller(room, front, 5000, lease_s=1) as process:
            process.send_signal(signal.SIGSTOP)
            await eventually(lambda: reverted(room), within_s=TTL_S + SLACK_S)
            process.send_signal(signal.SIGCONT)
            # Envoy hears from it again (a new stream, or an empty layer), and nothing moves.
            deadline = time.monotonic() + 2.0
            while time.monotonic() < deadline:
                assert (await burst(front.port, 50)).revisions == {"v1": 50}
                assert await reverted(room)


async def test_a_live_server_empties_a_lease_nobody_renews(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller, ttl=timedelta(seconds=60)) as leases,
    ):
        front = await room.start(room.describe(v1, v2))
        values = split_values(front, 10_000)
        lease = timedelta(seconds=0.5)
        await leases.set(front.layer, values, lease)
        for _ in range(10):  # one second in steps: renewing holds it longer than one lease
            await asyncio.sleep(0.1)
            assert leases.renew(front.layer, values, lease)
        assert (await burst(front.port, 50)).revisions == {"v2": 50}
        ends = time.monotonic() + lease.total_seconds()
        await eventually(lambda: reverted(room), within_s=SLACK_S)
        assert time.monotonic() - ends < SLACK_S
        assert (await burst(front.port, 50)).revisions == {"v1": 50}
        held = leases.lease(front.layer)
        assert held is not None
        assert held.state is LeaseState.LAPSED
        assert not leases.renew(front.layer, values, lease)
        await leases.set(front.layer, values, lease)
        assert (await burst(front.port, 50)).revisions == {"v2": 50}


async def test_a_controller_restarted_within_the_ttl_keeps_the_weight(room: Room) -> None:
    async with Upstream("v1") as v1, Upstream("v2") as v2:
        front = await room.start(room.describe(v1, v2))
        values = split_values(front, 10_000)
        async with controller(room, front, 10_000) as process, Load(front.port, rate=100) as load:
            process.kill()
            await process.wait()
            before = load.tally.revisions["v1"]
            async with RtdsServer(room.layout.controller, ttl=TTL) as leases:
                await eventually(lambda: leases.connected(front.layer))
                # It knows nothing yet and says nothing: the split goes on.
                assert (await burst(front.port, 200)).revisions == {"v2": 200}
                await leases.set(front.layer, values, TTL)
                begun = time.monotonic()
                while time.monotonic() - begun < LONGER_S:  # longer than the first lease
                    assert leases.renew(front.layer, values, TTL)
                    assert await room.envoy.admin.runtime() != {}
                    await asyncio.sleep(0.05)
            assert load.tally.revisions["v1"] == before == 0
        assert load.tally.failures == []


async def test_a_restarted_controller_that_stays_silent_does_not_prolong_the_lease(
    room: Room,
) -> None:
    async with Upstream("v1") as v1, Upstream("v2") as v2:
        front = await room.start(room.describe(v1, v2))
        async with controller(room, front, 10_000) as process:
            process.kill()
            killed = time.monotonic()
            await process.wait()
            async with RtdsServer(room.layout.controller, ttl=TTL) as leases:
                await eventually(lambda: leases.connected(front.layer))
                assert not await reverted(room)
                await eventually(lambda: reverted(room), within_s=TTL_S + SLACK_S)
                assert 1.5 < time.monotonic() - killed < TTL_S + SLACK_S
                assert leases.lease(front.layer) is None
