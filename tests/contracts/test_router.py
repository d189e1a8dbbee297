"""The contract of `Router`."""

from datetime import timedelta

import pytest
from tests.contracts.adapters import Rig

from chimera.core.errors import ProviderRefused, ProviderUnavailable
from chimera.core.model import Split

LONG = timedelta(minutes=5)
SHORT = timedelta(seconds=5)


async def give(rig: Rig, weight: int, generation: int = 2) -> None:
    await rig.router.set_weights(rig.service, rig.split(weight), rig.fence(generation), LONG)


async def weights(rig: Rig) -> tuple[str, int]:
    found = await rig.router.read(rig.service)
    return found.stable, found.weight


async def test_the_split_of_a_service_that_does_not_run_is_unknown(rig: Rig) -> None:
    with pytest.raises(ProviderUnavailable):
        await rig.router.read(rig.service)


async def test_an_installed_service_is_all_stable(running: Rig) -> None:
    assert await weights(running) == (running.v1.name, 0)


@pytest.mark.parametrize("weight", [1, 50, 100, 0])
async def test_a_weight_is_absolute_and_read_back(running: Rig, weight: int) -> None:
    await give(running, 5)
    await give(running, weight)
    await give(running, weight)
    found = await running.router.read(running.service)
    assert (found.stable, found.weight) == (running.v1.name, weight)
    assert weight == 0 or found == running.split(weight)


async def test_an_overtaken_write_is_refused_and_changes_nothing(running: Rig) -> None:
    await give(running, 50, generation=5)
    writes = [
        running.router.set_weights(running.service, running.split(5), running.fence(4), LONG),
        running.router.renew(running.service, running.split(50), running.fence(4), LONG),
        running.router.commit(running.service, running.v1, running.v2, running.fence(4), LONG),
        running.router.restore(running.service, running.v1, running.v2, running.fence(4)),
    ]
    for write in writes:
        with pytest.raises(ProviderRefused):
            await write
        assert await weights(running) == (running.v1.name, 50)
    await give(running, 100, generation=5)
    assert await weights(running) == (running.v1.name, 100)


async def test_the_fence_of_another_rollout_does_not_count(running: Rig) -> None:
    await give(running, 50, generation=5)
    other = running.fence(1, "r2")
    await running.router.set_weights(running.service, running.split(5), other, LONG)
    assert await weights(running) == (running.v1.name, 5)


async def test_an_unknown_revision_gets_no_traffic(running: Rig) -> None:
    unknown = Split(running.v1.name, "v9", 50)
    with pytest.raises(ProviderRefused):
        await running.router.set_weights(running.service, unknown, running.fence(2), LONG)
    wrong = Split("v9", running.v2.name, 50)
    with pytest.raises(ProviderRefused):
        await running.router.set_weights(running.service, wrong, running.fence(2), LONG)
    assert await weights(running) == (running.v1.name, 0)


async def test_without_renewal_all_traffic_returns_to_stable(running: Rig) -> None:
    if not running.router.leased:
        return
    fence = running.fence(2)
    await running.router.set_weights(running.service, running.split(50), fence, running.lease)
    await running.wait(running.lease.total_seconds() * 1.5 + 1)
    assert await weights(running) == (running.v1.name, 0)


async def test_a_renewed_lease_lasts(running: Rig) -> None:
    fence, lease = running.fence(2), running.lease
    await running.router.set_weights(running.service, running.split(50), fence, lease)
    for _ in range(4):
        await running.wait(lease.total_seconds() / 2)
        found = await running.router.renew(running.service, running.split(50), fence, lease)
        assert found == running.split(50)


async def test_renewing_something_else_changes_and_extends_nothing(running: Rig) -> None:
    fence, lease = running.fence(2), running.lease
    await running.router.set_weights(running.service, running.split(50), fence, lease)
    found = await running.router.renew(running.service, running.split(5), fence, LONG)
    assert found == running.split(50)
    assert await weights(running) == (running.v1.name, 50)
    if running.router.leased:
        await running.wait(lease.total_seconds() * 1.5 + 1)
        assert await weights(running) == (running.v1.name, 0)
        found = await running.router.renew(running.service, running.split(50), fence, LONG)
        assert found.weight == 0


async def test_a_commit_makes_the_canary_the_durable_default(running: Rig) -> None:
    await running.router.set_weights(
        running.service, running.split(100), running.fence(2), running.lease
    )
    for _ in range(2):
        await running.router.commit(
            running.service, running.v1, running.v2, running.fence(3), running.lease
        )
    assert await weights(running) == (running.v2.name, 0)
    assert await running.orchestrator.stable(running.service) == running.v2
    await running.wait(running.lease.total_seconds() * 1.5 + 1)
    assert await weights(running) == (running.v2.name, 0)


async def test_a_commit_of_an_unknown_revision_is_refused(running: Rig) -> None:
    unknown = running.platform.revision(running.service, version="v9", image="")
    with pytest.raises(ProviderRefused):
        await running.router.commit(running.service, running.v1, unknown, running.fence(3), LONG)
    assert await weights(running) == (running.v1.name, 0)


@pytest.mark.parametrize("committed", [False, True])
async def test_a_restore_gives_all_traffic_to_stable(running: Rig, committed: bool) -> None:
    await give(running, 100)
    if committed:
        await running.router.commit(running.service, running.v1, running.v2, running.fence(3), LONG)
    for _ in range(2):
        await running.router.restore(running.service, running.v1, running.v2, running.fence(4))
        assert await weights(running) == (running.v1.name, 0)
    assert await running.orchestrator.stable(running.service) == running.v1


async def test_a_restore_accepts_a_canary_that_was_never_made_known(rig: Rig) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0, "r0"))
    await rig.router.restore(rig.service, rig.v1, rig.v2, rig.fence(1))
    assert await weights(rig) == (rig.v1.name, 0)


async def test_an_idle_revision_is_drained_at_once_and_can_be_removed(running: Rig) -> None:
    await give(running, 50)
    await running.send(50)
    await running.router.restore(running.service, running.v1, running.v2, running.fence(3))
    for _ in range(2):
        left = await running.router.drain(running.service, running.v2, running.fence(4), SHORT)
        assert left == 0
    _, kept = await running.orchestrator.remove(running.service, running.v2, running.fence(5))
    assert kept == ()
    assert await weights(running) == (running.v1.name, 0)


async def test_draining_what_was_never_made_known_is_fine(running: Rig) -> None:
    left = await running.router.drain(running.service, running.v2, running.fence(2), SHORT)
    assert left == 0


async def test_the_old_version_goes_after_a_commit(running: Rig) -> None:
    await give(running, 100)
    await running.router.commit(running.service, running.v1, running.v2, running.fence(3), LONG)
    await running.router.drain(running.service, running.v1, running.fence(4), SHORT)
    await running.orchestrator.remove(running.service, running.v1, running.fence(4))
    assert await running.inventory.find(revision=running.v1.name) == ()
    assert await weights(running) == (running.v2.name, 0)
    assert await running.orchestrator.stable(running.service) == running.v2


async def test_a_successor_finds_what_was_committed(running: Rig) -> None:
    await give(running, 100)
    await running.router.commit(running.service, running.v1, running.v2, running.fence(3), LONG)
    heir = await running.successor()
    assert await heir.orchestrator.stable(running.service) == running.v2
    assert (await heir.router.read(running.service)).stable == running.v2.name
    await heir.router.restore(running.service, running.v1, running.v2, running.fence(4))
    assert (await heir.router.read(running.service)).stable == running.v1.name
    await heir.close()
