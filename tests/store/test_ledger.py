import asyncio
from dataclasses import replace

import pytest
from tests.support.history import NOW, entry, fill, look, rollout

from chimera.core.errors import ChimeraError, LedgerError, RolloutConflict, RolloutNotFound
from chimera.core.state import Phase, State
from chimera.ports.ledger import Ledger
from chimera.store import Store


async def test_the_store_is_a_ledger(store: Store) -> None:
    ledger: Ledger = store
    await ledger.open_rollout(rollout(), NOW)
    row = await store.get("r1")
    assert row.rollout == rollout()
    assert (row.state, row.opened_at, row.live) == (State(), NOW, True)


async def test_opening_the_same_again_changes_nothing(store: Store) -> None:
    await fill(store)
    before = await store.get("r1")
    await store.open_rollout(rollout("r1", service="of-r1"), NOW.replace(year=2027))
    assert await store.get("r1") == before


async def test_an_id_is_not_used_for_another_definition(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    with pytest.raises(LedgerError, match="another definition") as caught:
        await store.open_rollout(rollout(spec="changed"), NOW)
    assert "new id" in caught.value.hint


async def test_a_service_has_one_live_rollout(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    with pytest.raises(RolloutConflict, match="logo") as caught:
        await store.open_rollout(rollout("r2"), NOW)
    assert caught.value.rollout == "r1"
    await store.open_rollout(rollout("r3", service="other"), NOW)
    assert {row.id for row in await store.find(live=True)} == {"r1", "r3"}


async def test_one_of_many_at_once_gets_the_service(store: Store) -> None:
    tries = (store.open_rollout(rollout(f"r{i}"), NOW) for i in range(20))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert results.count(None) == 1
    assert all(isinstance(r, RolloutConflict) for r in results if r is not None)


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.ABORTED, Phase.CLEANUP_INCOMPLETE])
async def test_a_rollout_that_is_over_lets_go_of_its_service(store: Store, phase: Phase) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    await store.append("r1", (entry(1), entry(2, phase)))
    assert await store.live("logo") is None
    await store.open_rollout(rollout("r2"), NOW)
    held = await store.live("logo")
    assert held is not None
    assert held.id == "r2"


async def test_a_cleanup_that_will_be_retried_keeps_its_service(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    waiting = replace(entry(1), state=State(phase=Phase.CLEANUP_INCOMPLETE, wake_at=NOW))
    await store.append("r1", (waiting,))
    with pytest.raises(RolloutConflict):
        await store.open_rollout(rollout("r2"), NOW)


async def test_the_last_entrys_state_becomes_the_rollouts(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    await store.append("r1", (entry(1), entry(2, Phase.PAUSED)))
    row = await store.get("r1")
    assert (row.state, row.updated_at) == (entry(2, Phase.PAUSED).state, entry(2).event.at)
    await store.append("r1", (entry(1),))
    assert await store.get("r1") == row


async def test_entries_come_back_as_they_were_written(store: Store) -> None:
    written = (entry(1), entry(2, sentence="nül \0 and \ud800 lone"))
    await store.open_rollout(rollout(), NOW)
    await store.append("r1", written)
    read = await store.events("r1")
    assert [(row.seq, row.event, row.state) for row in read] == [
        (one.seq, one.event, one.state) for one in written
    ]
    assert [row.sentence for row in read] == ["event 1", "nül \ufffd and ? lone"]
    assert [row.seq for row in await store.events("r1", after=1)] == [2]


async def test_writing_the_same_entries_again_is_a_no_op(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    await store.append("r1", (entry(1), entry(2)))
    before = await store.events("r1")
    await store.append("r1", (entry(1),))
    await store.append("r1", (entry(1), entry(2)))
    assert await store.events("r1") == before
    await store.append("r1", (entry(2), entry(3)))
    assert [row.seq for row in await store.events("r1")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((entry(3),), "cannot follow event 1"),
        ((entry(0),), "cannot follow"),
        ((entry(2), entry(4)), "not in sequence"),
        ((entry(1, sentence="other words"),), "another content"),
        ((entry(1, Phase.PAUSED), entry(2)), "another content"),
    ],
)
async def test_history_has_no_gap_and_is_not_rewritten(
    store: Store, entries: tuple[object, ...], message: str
) -> None:
    await store.open_rollout(rollout(), NOW)
    await store.append("r1", (entry(1),))
    before = await store.get("r1")
    with pytest.raises(LedgerError, match=message):
        await store.append("r1", entries)  # type: ignore[arg-type]
    assert await store.get("r1") == before
    assert (await store.verify()).ok


async def test_a_rollout_must_be_opened_before_it_has_history(store: Store) -> None:
    with pytest.raises(LedgerError, match="no rollout 'r9'"):
        await store.append("r9", (entry(1),))
    with pytest.raises(LedgerError, match="no rollout 'r9'"):
        await store.append_look("r9", look(0))


async def test_one_refused_write_does_not_spoil_the_others_of_its_commit(store: Store) -> None:
    for i in range(10):
        await store.open_rollout(rollout(f"r{i}", service=f"s{i}"), NOW)
    writes = [store.append(f"r{i}", (entry(1 if i % 2 else 7),)) for i in range(10)]
    writes += [store.append_look(f"r{i}", look(0)) for i in range(12)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    refused = [i for i, result in enumerate(results) if isinstance(result, ChimeraError)]
    assert refused == [0, 2, 4, 6, 8, 20, 21]
    assert (await store.verify()).ok


async def test_the_same_entry_twice_in_one_commit_is_written_once(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    same = (store.append("r1", (entry(1),)) for _ in range(5))
    other = store.append("r1", (entry(1, sentence="other"),))
    results = await asyncio.gather(*same, other, return_exceptions=True)
    assert [type(result) for result in results] == [type(None)] * 5 + [LedgerError]
    assert len(await store.events("r1")) == 1


async def test_looks_come_back_whole(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    records = (look(0), replace(look(1), reading=None), look(0, generation=2))
    for record in records:
        await store.append_look("r1", record)
    rows = await store.looks("r1")
    assert tuple(row.record for row in rows) == records
    assert [row.query for row in rows] == ["GET /stats", "", "GET /stats"]
    assert rows[0].findings[0].n == 100
    assert [row.position for row in await store.looks("r1", after=1, limit=1)] == [2]


async def test_a_repeated_look_replaces_the_former_for_readers(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    for record in (look(0), look(1), look(1), look(0, errors=9), look(2)):
        await store.append_look("r1", record)
    rows = await store.looks("r1")
    assert [row.record for row in rows] == [look(1), look(0, errors=9), look(2)]
    assert (await store.get("r1")).looks == 4
    assert (await store.verify()).ok


async def test_a_released_service_is_free_and_its_rollout_cannot_begin(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    assert await store.release("r1", "the engine never began it")
    assert not await store.release("r1", "again")
    await store.open_rollout(rollout("r2"), NOW)
    with pytest.raises(RolloutConflict, match="the engine never began it"):
        await store.append("r1", (entry(1),))
    with pytest.raises(RolloutConflict, match="let go"):
        await store.open_rollout(rollout("r1"), NOW)
    assert (await store.get("r1")).released == "the engine never began it"
    assert (await store.verify()).ok


async def test_a_rollout_released_on_its_way_is_still_recorded(store: Store) -> None:
    await store.open_rollout(rollout("r1"), NOW)
    await store.append("r1", (entry(1),))
    await store.release("r1", "the engine lost it")
    await store.append("r1", (entry(2), entry(3, Phase.ABORTED)))
    row = await store.get("r1")
    assert (row.phase, row.live) == (Phase.ABORTED, False)
    assert (await store.verify()).ok


async def test_only_a_known_rollout_is_released(store: Store) -> None:
    with pytest.raises(RolloutNotFound):
        await store.release("r9", "gone")


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    await store.close()
    for use in (
        store.get("r1"),
        store.append("r1", (entry(1),)),
        store.open_rollout(rollout(), NOW),
    ):
        with pytest.raises(LedgerError, match="not open"):
            await use
