"""The contract of `MetricSource`."""

from datetime import timedelta
from math import sqrt

from tests.contracts.adapters import Rig

from chimera.core.model import Reading, Sample

LONG = timedelta(minutes=5)


async def read(rig: Rig) -> Reading:
    return await rig.metrics.read(rig.service, rig.v1, rig.v2)


def total(samples: tuple[Sample, ...]) -> int:
    return sum(sample.requests for sample in samples)


async def give(rig: Rig, weight: int) -> None:
    await rig.router.set_weights(rig.service, rig.split(weight), rig.fence(2), LONG)


async def test_a_revision_that_does_not_run_is_not_seen(rig: Rig) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0))
    await rig.send(50)
    reading = await read(rig)
    assert reading.canary == ()
    assert total(reading.stable) > 0


async def test_requests_are_counted_by_the_split(running: Rig) -> None:
    await give(running, 50)
    before = await read(running)
    await running.send(600)
    after = await read(running)
    canary = total(after.canary) - total(before.canary)
    stable = total(after.stable) - total(before.stable)
    requests = canary + stable
    assert requests > 300
    assert abs(canary - requests / 2) < 3.3 * sqrt(requests / 4)  # 99.9 % of a fair coin


async def test_counters_never_fall_and_readings_are_ordered(running: Rig) -> None:
    await give(running, 50)
    former = await read(running)
    for _ in range(3):
        await running.send(60)
        reading = await read(running)
        assert reading.at > former.at
        assert total(reading.canary) >= total(former.canary)
        assert total(reading.stable) >= total(former.stable)
        former = reading


async def test_a_sample_fits_together(running: Rig) -> None:
    await give(running, 50)
    await running.send(200)
    reading = await read(running)
    assert reading.query
    for sample in (*reading.canary, *reading.stable):
        assert sample.source
        assert sample.errors <= sample.requests
        assert list(sample.bounds_ms) == sorted(set(sample.bounds_ms))
        assert list(sample.counts) == sorted(sample.counts)
        assert sample.timed >= (sample.counts[-1] if sample.counts else 0)


async def test_each_instance_is_named_once(running: Rig) -> None:
    await give(running, 50)
    await running.send(100)
    reading = await read(running)
    canary = {sample.source for sample in reading.canary}
    assert len(canary) == len(reading.canary)
    assert running.metrics.min_interval_s >= 0
