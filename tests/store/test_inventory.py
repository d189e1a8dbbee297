import asyncio

import pytest

from chimera.core.errors import LedgerError
from chimera.core.model import Fence, Resource
from chimera.ports.inventory import Inventory
from chimera.store import Store, open_store

PROCESS = Resource("process", "p1", "logo", "2", "r1", {"port": 8080, "args": ["-v"]})


@pytest.fixture
def inventory(store: Store) -> Inventory:
    return store.inventory


async def test_what_is_recorded_is_found(inventory: Inventory) -> None:
    await inventory.record(PROCESS)
    assert await inventory.find() == (PROCESS,)


async def test_recording_again_replaces_and_keeps_its_age(inventory: Inventory) -> None:
    younger = Resource("process", "p2", "logo")
    changed = Resource("process", "p1", "logo", "2", "r1", {"port": 9090})
    for resource in (PROCESS, younger, changed):
        await inventory.record(resource)
    assert await inventory.find() == (changed, younger)


async def test_kind_and_id_together_are_the_key(inventory: Inventory) -> None:
    other = Resource("cluster", "p1", "logo")
    await inventory.record(PROCESS)
    await inventory.record(other)
    await inventory.forget("process", "p1")
    await inventory.forget("process", "unknown")
    assert await inventory.find() == (other,)


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({"service": "logo"}, ["a", "b", "c"]),
        ({"service": "logo", "revision": "2"}, ["b"]),
        ({"rollout": "r1"}, ["b", "d"]),
        ({"kind": "envoy"}, ["c"]),
        ({"kind": "envoy", "service": "other"}, []),
    ],
)
async def test_every_given_field_must_match(
    inventory: Inventory, fields: dict[str, str], ids: list[str]
) -> None:
    for resource in (
        Resource("process", "a", "logo", "1"),
        Resource("process", "b", "logo", "2", "r1"),
        Resource("envoy", "c", "logo"),
        Resource("process", "d", "other", "2", "r1"),
    ):
        await inventory.record(resource)
    assert [resource.id for resource in await inventory.find(**fields)] == ids


async def test_it_outlives_its_writer(url: str) -> None:
    async with open_store(url) as store:
        await store.inventory.record(PROCESS)
        await store.inventory.pass_fence("logo", Fence("r1", 4))
    async with open_store(url) as store:
        assert await store.inventory.find() == (PROCESS,)
        assert not await store.inventory.pass_fence("logo", Fence("r1", 3))


async def test_a_fence_never_falls(inventory: Inventory) -> None:
    passed = [await inventory.pass_fence("logo", Fence("r1", n)) for n in (2, 2, 5, 3, 5, 6)]
    assert passed == [True, True, True, False, True, True]


async def test_fences_of_other_rollouts_and_services_are_their_own(inventory: Inventory) -> None:
    assert await inventory.pass_fence("logo", Fence("r1", 9))
    assert await inventory.pass_fence("logo", Fence("r2", 1))
    assert await inventory.pass_fence("other", Fence("r1", 1))


async def test_a_lower_fence_never_passes_after_a_higher_one(url: str) -> None:
    async with open_store(url) as one, open_store(url) as other:
        stores = [one, other] * 20
        tries = (
            store.inventory.pass_fence("logo", Fence("r1", generation))
            for generation, store in enumerate(stores)
        )
        await asyncio.gather(*tries)
        assert not await one.inventory.pass_fence("logo", Fence("r1", len(stores) - 2))
        assert await other.inventory.pass_fence("logo", Fence("r1", len(stores) - 1))


@pytest.mark.parametrize(
    "resource",
    [
        Resource("process", "nul\0", "logo"),
        Resource("process", "lone \ud800", "logo"),
        Resource("process", "p1", "logo", detail={"what": object()}),
    ],
)
async def test_what_cannot_be_stored_is_refused(inventory: Inventory, resource: Resource) -> None:
    with pytest.raises(LedgerError):
        await inventory.record(resource)
    assert await inventory.find() == ()
