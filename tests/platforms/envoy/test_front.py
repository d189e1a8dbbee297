"""Clusters come and go in an order that costs nobody a request, and refusals are explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.platforms.envoy.conftest import CHECK, Room, cluster, free_port
from tests.support.eventually import eventually
from tests.support.load import Load, burst
from tests.support.upstream import Upstream

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.platforms.envoy.model import Cluster, Endpoint, Front
from chimera.platforms.envoy.routes import split_values
from chimera.platforms.envoy.rtds import RtdsServer

SLOW_S = 2.0


def only(front: Front, name: str) -> Front:
    """The front once `name` is the durable truth, its other clusters unrouted but kept warm."""
    return replace(front, stable=name, canary=None)


async def test_a_promotion_loses_no_request_even_of_two_seconds(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        Upstream("v1", latency_s=SLOW_S) as slow1,
        Upstream("v2", latency_s=SLOW_S) as slow2,
        RtdsServer(room.layout.controller) as leases,
    ):
        first = replace(room.describe(v1), clusters=(cluster(v1, slow1),))
        await room.start(first)
        async with Load(first.port, rate=150) as load:
            await eventually(lambda: slow1.active > 20)
            both = replace(first, clusters=(cluster(v1, slow1), cluster(v2, slow2)), canary="v2")
            await room.envoy.apply(both)
            for weight in (1000, 5000, 10_000):
                await leases.set(both.layer, split_values(both, weight))
                seen = load.tally.revisions["v2"]
                await eventually(lambda seen=seen: load.tally.revisions["v2"] > seen + 50)  # type: ignore[misc]
            await room.envoy.apply(only(both, "v2"))
            await leases.clear(both.layer)
            final = replace(only(both, "v2"), clusters=(cluster(v2, slow2),))
            await room.envoy.apply(final)
            assert slow1.active == v1.active == 0
            await v1.stop()
            await slow1.stop()
            sent = load.tally.sent
            await eventually(lambda: load.tally.sent > sent + 100)
        assert load.tally.failures == []
        assert load.tally.statuses == {200: load.tally.sent}
        assert await room.envoy.admin.membership("v1") is None
        assert not room.layout.discovery("eds-v1").exists()


async def test_a_rollback_leaves_the_files_as_they_were(room: Room) -> None:
    async with (
        Upstream("v1") as v1,
        Upstream("v2") as v2,
        RtdsServer(room.layout.controller) as leases,
    ):
        front = await room.start(room.describe(v1))
        before = {path.name: path.read_bytes() for path in room.layout.watched.iterdir()}
        async with Load(front.port, rate=200) as load:
            both = replace(front, clusters=(cluster(v1), cluster(v2)), canary="v2")
            await room.envoy.apply(both)
            await leases.set(front.layer, split_values(both, 5000))
            await eventually(lambda: load.tally.revisions["v2"] > 20)
            await leases.clear(front.layer)
            await room.envoy.apply(front)
        assert load.tally.failures == []
        assert {p.name: p.read_bytes() for p in room.layout.watched.iterdir()} == before


async def test_replicas_come_and_go_without_loss(room: Room) -> None:
    async with Upstream("v1") as one, Upstream("v1") as two:
        front = await room.start(room.describe(one))
        async with Load(front.port, rate=200) as load:
            await room.envoy.apply(replace(front, clusters=(cluster(one, two),)))
            await eventually(lambda: two.served[200] > 20)
            await room.envoy.apply(replace(front, clusters=(cluster(two),)))
            await eventually(lambda: one.active == 0)
            await one.stop()
            served = two.served[200]
            await eventually(lambda: two.served[200] > served + 20)
        assert load.tally.failures == []


async def test_a_dying_replica_among_others_costs_no_refused_request(room: Room) -> None:
    async with Upstream("v1") as one, Upstream("v1") as two:
        front = await room.start(room.describe(one))
        await room.envoy.apply(replace(front, clusters=(cluster(one, two),)))
        await eventually(lambda: _healthy(room, 2))
        await one.stop()  # its port refuses now, and no health check has seen it yet
        tally = await burst(front.port, 200)
        assert tally.failures == []


async def _healthy(room: Room, count: int) -> bool:
    seen = await room.envoy.admin.membership("v1")
    return seen is not None and seen.healthy == count


async def test_a_canary_that_never_gets_healthy_is_not_routed(room: Room) -> None:
    async with Upstream("v1") as v1:
        front = await room.start(room.describe(v1))
        nobody = Cluster(front.service, (Endpoint("127.0.0.1", free_port()),), CHECK)
        both = replace(front, clusters=(cluster(v1), nobody), canary=nobody.name)
        with pytest.raises(ProviderUnavailable, match="0 of 1 replicas of shop healthy"):
            await room.envoy.apply(both, within=timedelta(seconds=1))
        assert "weight" in (routes := room.layout.discovery("rds").read_text())
        assert '"weight": 0' not in routes
        await room.envoy.apply(front)
        assert (await burst(front.port, 50)).statuses == {200: 50}


async def test_a_drain_that_does_not_end_says_so(room: Room) -> None:
    async with Upstream("v1", latency_s=SLOW_S) as v1, Upstream("v2") as v2:
        front = await room.start(room.describe(v1, v2))
        async with Load(front.port, rate=10) as load:
            await eventually(lambda: v1.active > 0)
            gone = replace(only(front, "v2"), clusters=(cluster(v2),))
            with pytest.raises(ProviderUnavailable, match="still under way on v1"):
                await room.envoy.apply(gone, drain=timedelta(seconds=0.2))
            await room.envoy.apply(gone)
        assert load.tally.failures == []


async def test_what_envoy_refuses_is_explained_and_changes_nothing(room: Room) -> None:
    async with Upstream("v1") as v1, Upstream("v2") as v2:
        front = await room.start(room.describe(v1, v2))
        check = replace(CHECK, timeout=timedelta(0))
        bad = replace(front, clusters=(replace(cluster(v1), health=check), cluster(v2)))
        with pytest.raises(ProviderRefused, match=r"Timeout: value must be greater than 0s"):
            await room.envoy.apply(bad)
        assert (await burst(front.port, 50)).revisions == {"v1": 50}
        await room.envoy.apply(front)
