"""The contract of `Orchestrator`."""

from dataclasses import replace

import pytest
from tests.contracts.adapters import Rig

from chimera.core.errors import LedgerError, ProviderRefused, ProviderUnavailable


async def test_a_service_that_does_not_run_has_no_stable_revision(rig: Rig) -> None:
    assert await rig.orchestrator.stable(rig.service) is None


async def test_an_installed_revision_serves(rig: Rig) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0))
    assert await rig.orchestrator.stable(rig.service) == rig.v1
    assert (await rig.orchestrator.readiness(rig.service, rig.v1)).ok
    assert (await rig.router.read(rig.service)).stable == rig.v1.name


async def test_installing_again_makes_nothing_twice(rig: Rig) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0))
    made = await rig.inventory.find()
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0))
    assert await rig.inventory.find() == made
    assert made
    assert {resource.rollout for resource in made} == {"r1"}


async def test_a_plan_lists_the_writes_and_does_none(rig: Rig) -> None:
    changes = await rig.orchestrator.plan(rig.service, rig.v1)
    assert "+" in {change.action for change in changes}
    assert await rig.inventory.find() == ()
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0))
    before = await rig.inventory.find()
    changes = await rig.orchestrator.plan(rig.service, rig.v2)
    assert {change.action for change in changes} >= {"+", "-"}
    assert changes[0].action == "+"
    assert all(change.resource and change.why for change in changes)
    assert await rig.inventory.find() == before


async def test_a_started_canary_is_ready_beside_stable_and_has_no_traffic(rig: Rig) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0, "r0"))
    made = await rig.orchestrator.start(rig.service, rig.v2, None, rig.fence(1))
    assert (await rig.orchestrator.readiness(rig.service, rig.v2)).ok
    assert await rig.orchestrator.stable(rig.service) == rig.v1
    assert (await rig.router.read(rig.service)).weight == 0
    assert made
    assert set(map(str, made)) == set(
        map(str, await rig.inventory.find(service=rig.service.name, rollout="r1"))
    )
    assert {(resource.rollout, resource.revision) for resource in made} == {("r1", rig.v2.name)}


async def test_starting_again_finds_its_own_work(running: Rig) -> None:
    before = await running.inventory.find()
    again = await running.orchestrator.start(running.service, running.v2, None, running.fence(1))
    assert await running.inventory.find() == before
    assert set(map(str, again)) <= set(map(str, before))


async def test_the_canary_starts_as_many_replicas_as_asked_for(rig: Rig) -> None:
    rig.service = replace(rig.service, settings={**rig.service.settings, "replicas": 2})
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0, "r0"))
    await rig.orchestrator.start(rig.service, rig.v2, 1, rig.fence(1))
    assert (await rig.orchestrator.readiness(rig.service, rig.v2)).wanted == 1
    stable = await rig.orchestrator.readiness(rig.service, rig.v1)
    for _ in range(2):
        await rig.orchestrator.scale_to_stable(rig.service, rig.v2, rig.fence(2))
    scaled = await rig.orchestrator.readiness(rig.service, rig.v2)
    assert scaled.ok
    assert scaled.wanted == stable.wanted


async def test_what_cannot_be_recorded_is_not_made(rig: Rig) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(0, "r0"))
    rig.inventory.full = True
    with pytest.raises((LedgerError, ProviderUnavailable)):
        await rig.orchestrator.start(rig.service, rig.v2, None, rig.fence(1))
    rig.inventory.full = False
    assert (await rig.orchestrator.readiness(rig.service, rig.v2)).ready == 0
    await rig.orchestrator.start(rig.service, rig.v2, None, rig.fence(1))
    assert (await rig.orchestrator.readiness(rig.service, rig.v2)).ok


async def test_a_removed_revision_leaves_nothing(running: Rig) -> None:
    stable = await running.inventory.find(revision=running.v1.name)
    made = await running.inventory.find(revision=running.v2.name)
    removed, left = await running.orchestrator.remove(running.service, running.v2, running.fence(2))
    assert set(map(str, removed)) == set(map(str, made))
    assert left == ()
    assert await running.inventory.find(revision=running.v2.name) == ()
    assert await running.inventory.find(revision=running.v1.name) == stable
    assert (await running.orchestrator.readiness(running.service, running.v2)).ready == 0
    assert (await running.orchestrator.readiness(running.service, running.v1)).ok


async def test_removing_again_or_what_never_was_is_fine(running: Rig) -> None:
    await running.orchestrator.remove(running.service, running.v2, running.fence(2))
    _, left = await running.orchestrator.remove(running.service, running.v2, running.fence(2))
    assert left == ()
    never = running.platform.revision(running.service, version="v9", image="")
    _, left = await running.orchestrator.remove(running.service, never, running.fence(2))
    assert left == ()


async def test_an_overtaken_write_is_refused_and_changes_nothing(running: Rig) -> None:
    await running.orchestrator.remove(running.service, running.v2, running.fence(5))
    with pytest.raises(ProviderRefused):
        await running.orchestrator.start(running.service, running.v2, None, running.fence(4))
    assert await running.inventory.find(revision=running.v2.name) == ()
    await running.orchestrator.start(running.service, running.v2, None, running.fence(6))
    for write in (running.orchestrator.remove, running.orchestrator.scale_to_stable):
        with pytest.raises(ProviderRefused):
            await write(running.service, running.v2, running.fence(5))
    assert (await running.orchestrator.readiness(running.service, running.v2)).ok


async def test_a_successor_finds_what_runs(running: Rig) -> None:
    made = await running.inventory.find()
    heir = await running.successor()
    assert await heir.orchestrator.stable(running.service) == running.v1
    assert (await heir.orchestrator.readiness(running.service, running.v2)).ok
    assert await running.inventory.find() == made
    _, left = await heir.orchestrator.remove(running.service, running.v2, running.fence(2))
    assert left == ()
    await heir.close()


async def test_uninstalling_leaves_nothing(running: Rig) -> None:
    made = await running.inventory.find()
    removed = await running.orchestrator.uninstall(running.service)
    assert set(map(str, removed)) == set(map(str, made))
    assert await running.inventory.find() == ()
    assert await running.orchestrator.stable(running.service) is None
    assert await running.orchestrator.uninstall(running.service) == ()


async def test_an_installation_that_was_undone_is_not_made_again_by_an_older_write(
    rig: Rig,
) -> None:
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(1))
    await rig.orchestrator.uninstall(rig.service, rig.fence(3))
    with pytest.raises(ProviderRefused):
        await rig.orchestrator.install(rig.service, rig.v1, rig.fence(1))
    assert await rig.inventory.find() == ()
    await rig.orchestrator.install(rig.service, rig.v1, rig.fence(1, "r2"))
    with pytest.raises(ProviderRefused):
        await rig.orchestrator.uninstall(rig.service, rig.fence(2))
    assert await rig.orchestrator.stable(rig.service) == rig.v1
