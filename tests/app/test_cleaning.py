"""What `gc` may touch: nothing that a rollout holds, and nobody else's service on a retry."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.history import NOW, entry, rollout

from chimera.app.cleaning import find_orphans
from chimera.core.model import Fence, Resource, Revision, Service
from chimera.core.plan import Rollout
from chimera.core.state import Phase
from chimera.platforms.catalog import Catalog
from chimera.store import Store, open_store

SERVICE = Service("logo", "memory", {})


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
    assert (await find_orphans(store, catalog)).orphans == ()


async def test_a_live_canary_is_not_removed_for_a_namesake_that_was_left_over(
    store: Store, catalog: Catalog
) -> None:
    its = await began(store, "new-1", Phase.PREPARING)
    await catalog.get("memory").orchestrator.install(SERVICE, its.stable, Fence("before", 1))
    await store.inventory.record(Resource("process", "left", "logo", "2", "old-1"))
    assert (await find_orphans(store, catalog)).orphans == ()


async def test_what_an_ended_rollout_left_is_found_by_service(
    store: Store, catalog: Catalog
) -> None:
    its = await began(store, "new-1", Phase.ROLLED_BACK)
    await catalog.get("memory").orchestrator.install(SERVICE, its.stable, Fence("before", 1))
    left = Resource("process", "left", "logo", "2", "new-1")
    await store.inventory.record(left)
    [found] = (await find_orphans(store, catalog)).orphans
    assert (found.service, found.revisions, found.resources) == (SERVICE, (its.canary,), (left,))
    assert (await find_orphans(store, catalog, "logo")).orphans == (found,)
    assert (await find_orphans(store, catalog, "another")).orphans == ()
