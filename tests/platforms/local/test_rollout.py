"""A rollout through the ports, with real processes behind a real Envoy and real requests."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.platforms.local.room import LEASE, Room, service
from tests.support.eventually import eventually
from tests.support.http import Client
from tests.support.load import Load, burst

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.model import Fence, Split, Traffic
from chimera.platforms.local.procfs import is_taken
from chimera.platforms.local.reading import in_force

DRAIN = timedelta(seconds=10)


async def test_an_installed_service_serves_its_first_version(room: Room) -> None:
    orchestrator = room.platform.orchestrator
    assert await orchestrator.stable(room.service) is None
    v1 = await room.install()
    assert await orchestrator.stable(room.service) == v1
    assert await room.read() == Split("v1")
    assert (await orchestrator.readiness(room.service, v1)).ok
    tally = await burst(room.port, 50)
    assert tally.revisions == {"v1": 50}
    await room.install()  # again, as after a crash
    assert len(await room.pids()) == 1
    other = room.revision("v9")
    with pytest.raises(ProviderRefused, match="v1 is installed already"):
        await orchestrator.install(room.service, other, Fence("r0", 1))


async def test_a_canary_gets_its_share_and_nothing_before(room: Room) -> None:
    await room.install()
    v2 = await room.canary()
    assert (await burst(room.port, 100)).revisions == {"v1": 100}
    for weight, low, high in ((5, 27, 76), (50, 447, 553)):  # wider than the binomial's 99.9 %
        await room.shift("v2", weight)
        assert await room.read() == Split("v1", "v2", weight)
        tally = await burst(room.port, 1000)
        assert low <= tally.revisions["v2"] <= high
        assert not tally.failures
    await room.shift("v2", 0)
    assert (await burst(room.port, 200)).revisions == {"v1": 200}
    assert (await room.platform.orchestrator.readiness(room.service, v2)).ok


async def test_200_changes_of_the_weight_fail_no_request(room: Room) -> None:
    """Through the router, as a rollout does it: fences, files, the lease, and the read back."""
    await room.install()
    await room.canary()
    async with Load(room.port, rate=100) as load:
        for step in range(200):
            await room.shift("v2", (step * 37) % 101)
    assert load.tally.failures == []
    assert load.tally.statuses == {200: load.tally.sent}
    assert set(load.tally.revisions) == {"v1", "v2"}


async def test_a_promotion_loses_no_request_that_takes_two_seconds(room: Room) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=50)
    orchestrator, router = room.platform.orchestrator, room.platform.router
    old = await room.pids(revision="v1")
    async with Load(room.port, rate=150) as fast, Load(room.port, rate=10, path="/slow") as slow:
        await eventually(lambda: slow.tally.sent >= 5)
        await room.shift("v2", 100)
        await orchestrator.scale_to_stable(room.service, v2, room.fence)
        await router.commit(room.service, v1, v2, room.fence, LEASE)
        assert await room.read() == Split("v2")
        assert await router.drain(room.service, v1, room.fence, DRAIN) == 0
        removed, left = await orchestrator.remove(room.service, v1, room.fence)
        assert [one.detail["pid"] for one in removed] == old
        assert left == ()
        await asyncio.sleep(0.2)  # traffic after the old version is gone
    assert not fast.tally.failures
    assert not slow.tally.failures
    assert slow.tally.revisions["v1"] > 0
    assert await orchestrator.stable(room.service) == v2
    assert await orchestrator.remove(room.service, v1, room.fence) == ((), ())


async def test_a_restore_returns_all_traffic_and_leaves_no_trace(room: Room) -> None:
    v1 = await room.install()
    routes = next(room.folder.rglob("rds.json"))
    before = routes.read_bytes()
    v2 = await room.canary(weight=50)
    room.fence = Fence("r1", 2)
    router = room.platform.router
    async with Load(room.port, rate=150) as load:
        await router.restore(room.service, v1, v2, room.fence)
        assert await room.read() == Split("v1")
        load.tally.revisions.clear()
        await asyncio.sleep(0.3)
    assert not load.tally.failures
    assert load.tally.revisions["v2"] <= 2  # on their way when the routes changed
    assert await router.drain(room.service, v2, room.fence, DRAIN) == 0
    removed, left = await room.platform.orchestrator.remove(room.service, v2, room.fence)
    assert len(removed) == 1
    assert left == ()
    assert routes.read_bytes() == before


async def test_a_commit_can_be_undone_while_the_old_version_is_warm(room: Room) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=100)
    router = room.platform.router
    await router.commit(room.service, v1, v2, room.fence, LEASE)
    await router.commit(room.service, v1, v2, room.fence, LEASE)
    assert (await burst(room.port, 50)).revisions == {"v2": 50}
    await router.restore(room.service, v1, v2, room.fence)
    assert await room.platform.orchestrator.stable(room.service) == v1
    assert (await burst(room.port, 50)).revisions == {"v1": 50}


async def test_a_write_with_an_old_fence_changes_nothing(room: Room) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=10)
    router, old = room.platform.router, room.fence
    room.fence = Fence("r1", 5)
    await room.shift("v2", 20)
    split = Split("v1", "v2", 90)
    with pytest.raises(ProviderRefused, match="overtaken"):
        await router.set_weights(room.service, split, old, LEASE)
    with pytest.raises(ProviderRefused, match="overtaken"):
        await router.commit(room.service, v1, v2, old, LEASE)
    with pytest.raises(ProviderRefused, match="overtaken"):
        await router.renew(room.service, split, old, LEASE)
    with pytest.raises(ProviderRefused, match="overtaken"):
        await room.platform.orchestrator.remove(room.service, v2, old)
    assert await room.read() == Split("v1", "v2", 20)


FULL = "CREATE TRIGGER full BEFORE INSERT ON fences BEGIN SELECT RAISE(FAIL, 'disk is full'); END"


def execute(room: Room, statement: str) -> None:
    with closing(sqlite3.connect(room.folder / "ledger.db")) as connection, connection:
        connection.execute(statement)


async def test_the_way_back_waits_for_no_ledger(room: Room) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=50)
    router, old = room.platform.router, room.fence
    split, newer = Split("v1", "v2", 50), Fence("r1", 2)
    execute(room, FULL)
    assert await router.renew(room.service, split, newer, LEASE) == split  # the weight holds
    with pytest.raises(ProviderUnavailable, match="disk is full"):
        await router.commit(room.service, v1, v2, newer, LEASE)
    await router.restore(room.service, v1, v2, newer)
    assert (await burst(room.port, 100)).revisions == {"v1": 100}
    with pytest.raises(ProviderRefused, match="overtaken"):
        await router.set_weights(room.service, split, old, LEASE)
    execute(room, "DROP TRIGGER full")
    await router.restore(room.service, v1, v2, newer)  # now it is written down
    assert not await room.store.inventory.pass_fence("web", old)


async def test_what_has_traffic_is_not_removed(room: Room) -> None:
    v1 = await room.install()
    v2 = await room.canary(weight=10)
    for revision in (v1, v2):
        with pytest.raises(ProviderRefused, match="still routed"):
            await room.platform.orchestrator.remove(room.service, revision, room.fence)
    with pytest.raises(ProviderRefused, match="serves by default"):
        await room.platform.router.drain(room.service, v1, room.fence, DRAIN)


async def test_both_arms_are_counted_in_one_reading(room: Room) -> None:
    v1 = await room.install()
    v2 = room.revision("v2")
    metrics = room.platform.metrics
    before = await metrics.read(room.service, v1, v2)
    assert before.canary == ()
    await room.canary(weight=50)
    await burst(room.port, 300)
    await burst(room.port, 100, path="/fail")
    reading = await metrics.read(room.service, v1, v2)
    (stable,), (canary,) = reading.stable, reading.canary
    assert stable.requests + canary.requests - before.stable[0].requests == 400
    assert stable.errors + canary.errors - before.stable[0].errors == 100
    assert canary.errors > 20
    assert stable.source == canary.source
    assert canary.timed == canary.requests == canary.counts[-1]
    assert "v1,v2" in reading.query


async def test_a_header_and_a_cookie_pin_only_while_the_lease_holds(room: Room) -> None:
    await room.install()
    await room.canary(weight=1)
    pin = {"x-chimera": "canary"}
    assert (await burst(room.port, 20, headers=pin)).revisions == {"v2": 20}
    await room.shift("v2", 0)
    assert (await burst(room.port, 20, headers=pin)).revisions == {"v1": 20}


async def test_a_sticky_user_stays_on_one_version(room: Room) -> None:
    room.service = replace(room.service, traffic=Traffic(sticky=True))
    await room.install()
    await room.canary(weight=50)
    client, met = Client(room.port), set()
    for _ in range(12):
        first = await client.get()
        pin = {"cookie": first.headers["set-cookie"].partition(";")[0]}
        version = first.headers["x-chimera-revision"]
        assert (await burst(room.port, 5, headers=pin)).revisions == {version: 5}
        met.add(version)
    assert met == {"v1", "v2"}
    await room.shift("v2", 0)
    assert (await burst(room.port, 20, headers=pin)).revisions == {"v1": 20}
    await client.close()


async def test_uninstalling_leaves_no_process_no_file_and_no_port(room: Room) -> None:
    await room.install()
    await room.canary(weight=10)
    pids = [*await room.pids(), *await room.pids("envoy")]
    removed = await room.platform.orchestrator.uninstall(room.service)
    assert {one.detail["pid"] for one in removed} == set(pids)
    assert not is_taken(room.port)
    assert await room.store.inventory.find() == ()
    assert not list(room.folder.glob("local/services/*"))
    assert await room.platform.orchestrator.uninstall(room.service) == ()


async def test_two_services_live_side_by_side(room: Room) -> None:
    await room.install()
    first = room.service
    room.service = service("api")
    await room.install("w1")
    await room.canary("w2", weight=50)
    assert (await burst(int(first.settings["port"]), 50)).revisions == {"v1": 50}
    assert set((await burst(room.port, 100)).revisions) == {"w1", "w2"}
    room.service = service("taken", port=first.settings["port"])
    with pytest.raises(ProviderRefused, match="belongs to service 'web'"):
        await room.install()
    client = Client(int(first.settings["port"]))
    assert (await client.get()).status == 200
    await client.close()


async def test_a_late_renewal_does_not_take_a_newer_weight_back(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.install()
    await room.canary(weight=50)

    place, former = "chimera.platforms.local.router.in_force", Split("v1", "v2", 50)

    async def as_it_was(*_: object) -> Split:
        monkeypatch.setattr(place, in_force)
        await room.shift("v2", 20)  # while it was read
        return former

    monkeypatch.setattr(place, as_it_was)
    await room.platform.router.renew(room.service, former, room.fence, LEASE)
    assert await room.read() == Split("v1", "v2", 20)
