"""What `gc` may touch: nothing that a rollout holds, and nobody else's service on a retry."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.history import NOW, entry, rollout

from chimera.app.cleaning import find_orphans, swept
from chimera.app.engines import Engines
from chimera.app.reports import Sweep
from chimera.app.settings import Settings
from chimera.core.model import Fence, Resource, Revision, Service
from chimera.core.plan import Rollout
from chimera.core.state import Phase
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store

SERVICE = Service("logo", "memory", {})
ALONE = Engines(Settings(Path("nowhere")))  # with a ledger of its own


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


@pytest.fixture
async def catalog(store: Store, tmp_path: Path) -> Catalog:
    return Catalog(store.inventory, str(tmp_path / "platforms"))


async def began(store: Store, name: str, phase: Phase) -> Rollout:
    """Record a rollout of SERVICE, 1 to 2, that has come to `phase`."""
    its = replace(rollout(name), service=SERVICE, stable=Revision("1"), canary=Revision("2"))
    await store.open_rollout(its, NOW)
    await store.append(name, (entry(1, phase),))
    return its


async def test_the_version_that_is_kept_warm_is_not_left_over(
    store: Store, catalog: Catalog
) -> None:
    its = await began(store, "new-1", Phase.RETIRING)
    orchestrator = catalog.get("memory").orchestrator
    await orchestrator.install(SERVICE, its.canary, Fence("new-1", 1))
    await store.inventory.record(Resource("process", "warm", "logo", "1", "old-1"))
    assert (await find_orphans(store, catalog, ALONE)).orphans == ()


async def test_a_live_canary_is_not_removed_for_a_namesake_that_was_left_over(
    store: Store, catalog: Catalog
) -> None:
    its = await began(store, "new-1", Phase.PREPARING)
    await catalog.get("memory").orchestrator.install(SERVICE, its.stable, Fence("before", 1))
    await store.inventory.record(Resource("process", "left", "logo", "2", "old-1"))
    assert (await find_orphans(store, catalog, ALONE)).orphans == ()


async def test_what_an_ended_rollout_left_is_found_by_service(
    store: Store, catalog: Catalog
) -> None:
    its = await began(store, "new-1", Phase.ROLLED_BACK)
    await catalog.get("memory").orchestrator.install(SERVICE, its.stable, Fence("before", 1))
    left = Resource("process", "left", "logo", "2", "new-1")
    await store.inventory.record(left)
    [found] = (await find_orphans(store, catalog, ALONE)).orphans
    assert (found.service, found.revisions, found.resources) == (SERVICE, (its.canary,), (left,))
    assert (await find_orphans(store, catalog, ALONE, "logo")).orphans == (found,)
    assert (await find_orphans(store, catalog, ALONE, "another")).orphans == ()


async def test_what_rollouts_of_another_controller_made_is_left_to_it(
    store: Store, catalog: Catalog, tmp_path: Path
) -> None:
    """Its processes run elsewhere: here no version of its service is stable."""
    mine = Engines(Settings(tmp_path, "postgresql://shared"))
    its = replace(rollout("theirs-1"), service=SERVICE)
    await store.open_rollout(its, NOW, "other/1")
    await store.append("theirs-1", (entry(1, Phase.ROLLED_BACK),))
    for number in (1, 2):
        await store.inventory.record(Resource("process", f"{number}", "logo", "1", "theirs-1"))
    found = await find_orphans(store, catalog, mine)
    assert found.orphans == ()
    assert found.elsewhere == ("2 resources of logo are left to another controller, other/1",)
    answer = swept(Sweep((), elsewhere=found.elsewhere))
    assert not answer.accepted
    assert "left to another controller" in answer.text
    assert (await find_orphans(store, catalog, ALONE)).orphans  # a ledger that nobody shares
