"""The contract of `Inventory`."""

from dataclasses import replace

import pytest

from chimera.core.model import Fence, Resource
from chimera.ports.inventory import Inventory

FIRST = Resource("process", "11", "shop", "v1", "r1", {"port": 4000, "argv": ["app", "--port"]})
SECOND = Resource("process", "12", "shop", "v2", "r2")
THIRD = Resource("envoy", "11", "cart", "v2", "r3")


async def fill(inventory: Inventory) -> None:
    for resource in (FIRST, SECOND, THIRD):
        await inventory.record(resource)


async def test_an_empty_inventory_finds_nothing(inventory: Inventory) -> None:
    assert await inventory.find() == ()
    assert await inventory.find(service="shop") == ()


async def test_what_was_recorded_is_found_oldest_first(inventory: Inventory) -> None:
    await fill(inventory)
    assert await inventory.find() == (FIRST, SECOND, THIRD)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"service": "shop"}, (FIRST, SECOND)),
        ({"revision": "v2"}, (SECOND, THIRD)),
        ({"rollout": "r3"}, (THIRD,)),
        ({"kind": "process"}, (FIRST, SECOND)),
        ({"service": "shop", "revision": "v2", "kind": "process"}, (SECOND,)),
        ({"service": "shop", "rollout": "r3"}, ()),
    ],
)
async def test_every_given_field_must_match(
    inventory: Inventory, query: dict[str, str], found: tuple[Resource, ...]
) -> None:
    await fill(inventory)
    assert await inventory.find(**query) == found


async def test_recording_again_replaces_and_keeps_the_age(inventory: Inventory) -> None:
    await fill(inventory)
    changed = replace(FIRST, detail={"port": 5000})
    await inventory.record(changed)
    await inventory.record(changed)
    assert await inventory.find() == (changed, SECOND, THIRD)


async def test_kind_and_id_together_are_the_key(inventory: Inventory) -> None:
    await fill(inventory)
    await inventory.forget("envoy", "12")
    await inventory.forget("envoy", "11")
    assert await inventory.find() == (FIRST, SECOND)


async def test_forgetting_what_is_unknown_is_fine(inventory: Inventory) -> None:
    await inventory.forget("process", "99")
    await fill(inventory)
    await inventory.forget("process", "11")
    await inventory.forget("process", "11")
    assert await inventory.find() == (SECOND, THIRD)


async def test_a_fence_passes_unless_a_higher_one_was_seen(inventory: Inventory) -> None:
    passed = [
        await inventory.pass_fence("shop", Fence("r1", generation))
        for generation in (0, 3, 3, 2, 0, 4, 3)
    ]
    assert passed == [True, True, True, False, False, True, False]


async def test_fences_of_other_rollouts_and_services_are_their_own(inventory: Inventory) -> None:
    assert await inventory.pass_fence("shop", Fence("r1", 9))
    assert await inventory.pass_fence("shop", Fence("r2", 1))
    assert await inventory.pass_fence("cart", Fence("r1", 1))
    assert not await inventory.pass_fence("shop", Fence("r1", 1))
