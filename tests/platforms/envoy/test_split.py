"""Real requests are split as leased, and changing the split costs nobody a request."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from tests.platforms.envoy.conftest import Room
from tests.support.load import Load, burst
from tests.support.upstream import Upstream

from chimera.platforms.envoy.routes import split_values
from chimera.platforms.envoy.rtds import RtdsServer

SHORT = timedelta(seconds=3)


def binomial_bounds(n: int, p: float) -> tuple[int, int]:
    """Return the exact central 99.9 % interval of a binomial count."""
    low, high, below = 0, n, 0.0
    log_p, log_q = math.log(p), math.log(1 - p)
    for k in range(n + 1):
        log_choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        below += math.exp(log_choose + k * log_p + (n - k) * log_q)
        if below <= 0.0005:
            low = k + 1
        if below >= 0.9995:
            high = k
            break
    return low, high


async def test_splits_lie_within_binomial_bounds(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller, ttl=SHORT) as leases,
    ):
        front = await room.start(room.describe(v1, v2))
        assert (await burst(front.port, 200)).revisions == {"v1": 200}
        for percent in (5, 25, 50):
            await leases.set(front.layer, split_values(front, percent * 100))
            tally = await burst(front.port, 4000)
            low, high = binomial_bounds(4000, percent / 100)
            assert low <= tally.revisions["v2"] <= high, percent
            assert tally.failures == []
        await leases.clear(front.layer)
        assert (await burst(front.port, 200)).revisions == {"v1": 200}
        assert await room.envoy.admin.runtime() == {}


async def test_200_changes_under_load_fail_no_request(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller, ttl=SHORT) as leases,
    ):
        front = await room.start(room.describe(v1, v2))
        async with Load(front.port, rate=500) as load:
            for step in range(200):
                weight = (step * 137) % 10_001
                await leases.set(front.layer, split_values(front, weight))
                found = await room.envoy.admin.runtime()
                assert found[f"{front.layer}.v2"] == str(weight)
        assert load.tally.failures == []
        assert load.tally.statuses == {200: load.tally.sent}
        assert load.tally.revisions["v1"] > 0
        assert load.tally.revisions["v2"] > 0


@pytest.mark.parametrize(("weight", "expected"), [(0, "v1"), (10_000, "v2")])
async def test_the_ends_are_exact(room: Room, weight: int, expected: str) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller, ttl=SHORT) as leases,
    ):
        front = await room.start(room.describe(v1, v2))
        await leases.set(front.layer, split_values(front, weight))
        assert (await burst(front.port, 1000)).revisions == {expected: 1000}
