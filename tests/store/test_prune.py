import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

from tests.support.history import NOW, entry, fill, look, rollout

from chimera.core.state import Phase
from chimera.store import Store, open_store


async def test_old_looks_go_and_the_rest_still_proves(store: Store) -> None:
    await fill(store, "r1", looks=6)
    await fill(store, "r2", looks=2)
    assert await store.prune(NOW + timedelta(seconds=3)) == 3 + 2
    assert [row.record.number for row in await store.looks("r1")] == [3, 4, 5]
    assert len(await store.events("r2")) == 4
    assert (await store.verify()).ok


async def test_a_pruned_rollout_goes_on(store: Store) -> None:
    await fill(store, "r1", looks=4)
    head = (await store.verify()).head
    assert await store.prune(NOW + timedelta(seconds=9)) == 4
    await store.append_look("r1", look(4))
    await store.append("r1", (entry(5, Phase.ABORTED),))
    assert [row.position for row in await store.looks("r1")] == [5]
    assert await store.prune(NOW + timedelta(seconds=9)) == 1
    assert (await store.verify(head)).ok


async def test_pruning_twice_finds_nothing_more(store: Store) -> None:
    await fill(store)
    assert await store.prune(NOW + timedelta(seconds=2)) == 2
    assert await store.prune(NOW + timedelta(seconds=2)) == 0
    assert await store.prune(NOW) == 0


async def test_a_prune_that_nobody_noted_is_a_deletion(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        await fill(store, looks=5)
        await store.prune(NOW + timedelta(seconds=2))
        with closing(sqlite3.connect(store.location)) as connection, connection:
            connection.execute("DELETE FROM looks WHERE position = 3")
        found = await store.verify()
    assert (found.table, found.position, found.problem) == ("looks", 3, "deleted")


async def test_pruning_does_not_disturb_writing(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    for start in range(0, 100, 20):
        writes = [store.append_look("r1", look(number)) for number in range(start, start + 20)]
        await asyncio.gather(*writes, store.prune(NOW + timedelta(seconds=start + 10)))
    assert (await store.get("r1")).looks == 100
    assert (await store.verify()).ok
