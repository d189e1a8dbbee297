"""What a simulated service does: by its settings, its seed and its clock."""

import time
from datetime import timedelta
from typing import Any, Self

import pytest
from tests.support.clock import ManualClock

from chimera.core.errors import ProviderRefused, ProviderUnavailable, SpecError
from chimera.core.model import Fence, Reading, Revision, Sample, Service, Split
from chimera.platforms.memory import MemoryInventory, MemoryPlatform, MemoryTarget

V1, V2 = Revision("v1"), Revision("v2")
LEASE = timedelta(seconds=10)


class Shop:
    """A simulated service that runs v1, with v2 beside it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.platform = MemoryPlatform(MemoryInventory(), "", self.clock)
        self.service = Service("shop", "memory", settings)

    async def open(self, weight: int) -> Self:
        await self.platform.orchestrator.install(self.service, V1, Fence("r0", 0))
        await self.platform.orchestrator.start(self.service, V2, None, Fence("r1", 1))
        await self.give(weight)
        return self

    async def give(self, weight: int) -> None:
        split = Split("v1", "v2", weight)
        await self.platform.router.set_weights(self.service, split, Fence("r1", 2), LEASE)

    async def read(self) -> Reading:
        return await self.platform.metrics.read(self.service, V1, V2)

    async def canary_after(self, seconds: float) -> Sample:
        await self.clock.sleep(seconds)
        return (await self.read()).canary[0]


async def test_the_same_seed_gives_the_same_requests() -> None:
    readings = [await (await Shop(seed=seed).open(50)).canary_after(9) for seed in (7, 7, 8)]
    assert readings[0] == readings[1]
    assert readings[0] != readings[2]


async def test_requests_come_at_the_rate_and_fail_as_often_as_said() -> None:
    shop = await Shop(rate=1000, errors="1%", faults={"v2": {"errors": "10%"}}).open(50)
    canary = await shop.canary_after(10)
    stable = (await shop.read()).stable[0]
    assert canary.requests == pytest.approx(5000, rel=0.06)
    assert stable.requests == pytest.approx(5000, rel=0.06)
    assert canary.errors / canary.requests == pytest.approx(0.10, abs=0.02)
    assert stable.errors / stable.requests == pytest.approx(0.01, abs=0.006)


async def test_the_median_latency_is_as_said() -> None:
    shop = await Shop(rate=1000, faults={"v2": {"latency": "500ms"}}).open(50)
    canary = await shop.canary_after(10)
    below = dict(zip(canary.bounds_ms, canary.counts, strict=True))
    assert below[500.0] / canary.timed == pytest.approx(0.5, abs=0.04)
    assert canary.timed == canary.requests


async def test_a_fault_may_begin_later() -> None:
    shop = await Shop(rate=1000, errors="0%", faults={"v2": {"errors": "50%", "after": "5s"}}).open(
        100
    )
    assert (await shop.canary_after(4)).errors == 0
    await shop.canary_after(1)
    assert (await shop.canary_after(3)).errors > 1000


async def test_traffic_stops_when_the_lease_ends_not_when_somebody_looks() -> None:
    shop = await Shop(rate=1000).open(100)
    canary = await shop.canary_after(100)
    assert canary.requests == pytest.approx(10_000, rel=0.05)
    assert (await shop.platform.router.read(shop.service)).weight == 0


async def test_a_version_that_crashes_never_starts_and_leaves_nothing() -> None:
    shop = Shop(faults={"v2": {"crash": True}})
    with pytest.raises(ProviderRefused, match="ended at once"):
        await shop.open(0)
    await shop.platform.orchestrator.remove(shop.service, V2, Fence("r1", 2))
    await shop.platform.orchestrator.uninstall(shop.service)


async def test_an_unseen_version_is_unknown_not_idle() -> None:
    shop = await Shop(faults={"v2": {"unseen": True}}).open(50)
    await shop.clock.sleep(5)
    reading = await shop.read()
    assert reading.canary == ()
    assert reading.stable[0].requests > 0


async def test_a_restarted_version_counts_as_another_instance() -> None:
    shop = await Shop().open(50)
    before = await shop.canary_after(5)
    await shop.give(0)
    await shop.platform.orchestrator.remove(shop.service, V2, Fence("r1", 2))
    await shop.platform.orchestrator.start(shop.service, V2, None, Fence("r1", 2))
    after = (await shop.read()).canary[0]
    assert after.source != before.source
    assert after.requests == 0


async def test_troubled_operations_fail_as_often_as_said() -> None:
    trouble = {"metrics": {"unavailable": "100%", "first": 2}, "commit": {"refused": True}}
    shop = await Shop(trouble=trouble).open(100)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await shop.read()
    assert (await shop.read()).canary
    with pytest.raises(ProviderRefused):
        await shop.platform.router.commit(shop.service, V1, V2, Fence("r1", 3), LEASE)


async def test_a_lost_answer_has_done_its_work() -> None:
    shop = Shop(trouble={"setWeights": {"lost": "100%", "first": 1}})
    with pytest.raises(ProviderUnavailable, match="the answer was lost"):
        await shop.open(50)
    assert (await shop.platform.router.read(shop.service)).weight == 50


async def test_a_revision_with_traffic_is_neither_drained_nor_removed() -> None:
    shop = await Shop().open(5)
    for revision in (V1, V2):
        with pytest.raises(ProviderRefused, match="still has traffic"):
            await shop.platform.orchestrator.remove(shop.service, revision, Fence("r1", 3))
        with pytest.raises(ProviderRefused, match="still has traffic"):
            await shop.platform.router.drain(shop.service, revision, Fence("r1", 3), LEASE)


@pytest.mark.parametrize(("timeout", "left"), [(20, 0), (2, 600)])
async def test_draining_waits_for_the_longest_request(timeout: int, left: int) -> None:
    shop = await Shop(longestRequest="8s").open(50)
    await shop.give(0)
    began = shop.clock.passed
    drained = await shop.platform.router.drain(
        shop.service, V2, Fence("r1", 3), timedelta(seconds=timeout)
    )
    assert drained == left
    assert shop.clock.passed - began == pytest.approx(min(8, timeout))


async def test_somebody_else_can_change_the_routes() -> None:
    shop = await Shop().open(5)
    shop.platform.edit("shop", "v2", 37)
    await shop.clock.sleep(60)
    found = await shop.platform.router.renew(
        shop.service, Split("v1", "v2", 5), Fence("r1", 3), LEASE
    )
    assert found.weight == 37


async def test_changed_settings_count_from_then_on() -> None:
    shop = await Shop(rate=1000).open(100)
    assert (await shop.canary_after(1)).requests > 800
    shop.service = Service("shop", "memory", {"rate": 0})
    before = (await shop.read()).canary[0].requests
    assert (await shop.canary_after(5)).requests == before


@pytest.mark.parametrize(
    "settings",
    [{"rate": -1}, {"rate": float("nan")}, {"faults": {"v2": {"errors": "200%"}}}, {"nonsense": 1}],
)
async def test_bad_settings_are_a_spec_error(settings: dict[str, Any]) -> None:
    shop = Shop(**settings)
    with pytest.raises(SpecError) as refused:
        await shop.platform.orchestrator.stable(shop.service)
    assert refused.value.problems[0].startswith("target.")


def test_the_settings_survive_their_way_through_json() -> None:
    target = MemoryTarget.model_validate(
        {"faults": {"v3": {"errors": "10%", "after": "1m"}}, "trouble": {"read": {"first": 1}}}
    )
    dumped = target.model_dump(mode="json", by_alias=True)
    assert MemoryTarget.model_validate(dumped) == target
    assert dumped["faults"]["v3"]["errors"] == "10%"


async def test_a_read_costs_the_same_for_a_million_requests() -> None:
    costs = []
    for rate in (10.0, 1e6):
        shop = await Shop(rate=rate).open(50)
        began = time.process_time()
        for _ in range(300):
            await shop.clock.sleep(1)
            await shop.read()
        costs.append(time.process_time() - began)
    assert costs[1] < 5 * costs[0] + 0.05
