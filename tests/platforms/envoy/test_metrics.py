"""Envoy's counters say what clients met."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.platforms.envoy.conftest import Room, cluster
from tests.support.eventually import eventually
from tests.support.load import burst
from tests.support.upstream import Fault, Upstream

from chimera.core.errors import ProviderUnavailable
from chimera.platforms.envoy.admin import AdminClient
from chimera.platforms.envoy.model import TrafficOptions

FAST = TrafficOptions(response_idle=timedelta(seconds=0.3))


async def test_counters_equal_what_clients_met(room: Room) -> None:
    async with Upstream("v1", error_rate=0.1, latency_s=0.005) as v1:
        front = await room.start(room.describe(v1))
        tally = await burst(front.port, 1000)
        counted = (await room.envoy.admin.counters(["v1"]))["v1"]
    assert counted.completed == 1000
    assert counted.errors == counted.status_5xx == len(tally.failures) == v1.served[500]
    assert counted.status_2xx == tally.statuses[200]
    assert counted.latency.total == 1000
    assert counted.latency.counts == tuple(sorted(counted.latency.counts))
    below = dict(zip(counted.latency.bounds_ms, counted.latency.counts, strict=True))
    assert below[3] == 0
    assert below[1000] == 1000
    assert {0.5, 100, 250, 300, 500, 1000, 60_000} <= set(below)


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault.ERROR, 500), (Fault.RESET, 503), (Fault.HANG, 504), (Fault.TRUNCATE, 200)],
)
async def test_every_way_to_fail_is_counted_once(room: Room, fault: Fault, status: int) -> None:
    async with Upstream("v1") as v1:
        front = await room.start(room.describe(v1, options=FAST))
        await burst(front.port, 20)
        v1.error_rate, v1.fault = 1.0, fault
        tally = await burst(front.port, 30)
        await eventually(lambda: _completed(room, 50))
        counted = (await room.envoy.admin.counters(["v1"]))["v1"]
    assert len(tally.failures) == 30
    assert counted.errors == 30
    assert counted.status_2xx == (50 if status == 200 else 20)
    assert counted.timeouts == (30 if fault is Fault.HANG else 0)
    assert counted.truncated == (30 if fault is Fault.TRUNCATE else 0)


async def _completed(room: Room, count: int) -> bool:
    return (await room.envoy.admin.counters(["v1"]))["v1"].completed == count


async def test_a_dead_revision_is_counted_though_nothing_reached_it(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = await room.start(room.describe(v1))
        await v1.stop()
        tally = await burst(front.port, 40)
        counted = (await room.envoy.admin.counters(["v1"]))["v1"]
    assert tally.statuses == {503: 40}
    assert counted.completed == counted.errors == 40
    assert counted.connect_failures >= 40
    assert counted.latency.total == 0


async def test_latency_bounds_agree_with_the_clock(room: Room) -> None:
    async with Upstream("v1", latency_s=0.15) as v1:
        front = await room.start(room.describe(v1))
        await burst(front.port, 60)
        v1.latency_s = 0.35
        await burst(front.port, 40)
        latency = (await room.envoy.admin.counters(["v1"]))["v1"].latency
    below = dict(zip(latency.bounds_ms, latency.counts, strict=True))
    assert below[125] == 0
    assert below[300] == 60
    assert below[1000] == 100


async def test_counters_survive_a_change_of_replicas_and_membership_is_seen(room: Room) -> None:
    async with Upstream("v1") as one, Upstream("v1") as two:
        front = await room.start(room.describe(one))
        await burst(front.port, 30)
        both = replace(front, clusters=(cluster(one, two),))
        await room.envoy.apply(both)
        await eventually(lambda: _healthy(room, 2))
        await burst(front.port, 30)
        assert (await room.envoy.admin.counters(["v1"]))["v1"].completed == 60
        two.healthy = False
        await eventually(lambda: _healthy(room, 1))
        assert (await room.envoy.admin.counters(["v1", "unknown"]))["unknown"].completed == 0
        assert await room.envoy.admin.membership("unknown") is None


async def _healthy(room: Room, count: int) -> bool:
    seen = await room.envoy.admin.membership("v1")
    return seen is not None and seen.healthy == count


async def test_no_envoy_is_unavailable_not_a_crash(room: Room) -> None:
    async with AdminClient(room.layout.admin) as admin:
        assert not await admin.ready()
        with pytest.raises(ProviderUnavailable, match="no answer on"):
            await admin.counters(["v1"])
