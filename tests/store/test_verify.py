"""Each way to tamper, by SQL behind the store's back, is found and called by its name."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.history import NOW, entry, fill, look, rollout
from tests.support.postgres import on_postgres

from chimera.core.state import Phase
from chimera.store import Store, chain, open_store

# {0}: the table, {1}: the column that numbers its rows.
SWAP = (
    "UPDATE {0} SET {1} = {1} - 5 WHERE rollout = 'r1' AND {1} IN (2, 3);"
    "UPDATE {0} SET {1} = -{1} WHERE {1} < 0;"
)
CLOSE_GAP = "UPDATE {0} SET {1} = {1} - 1 WHERE rollout = 'r1' AND {1} > 2;"
OPEN_GAP = (
    "UPDATE {0} SET {1} = -{1} - 1 WHERE rollout = 'r1' AND {1} >= 2;"
    "UPDATE {0} SET {1} = -{1} WHERE {1} < 0;"
)
# {0}: where to, {1}: its prev_hash, {2}: its hash.
COPY_EVENT = (
    "INSERT INTO events SELECT rollout, {0}, at, kind, 'forged', event, state, {1}, {2} "
    "FROM events WHERE rollout = 'r1' AND seq = 1;"
)
# {0}: where to, {1}: its hash, {2}: where from.
COPY_LOOK = (
    "INSERT INTO looks SELECT rollout, {0}, generation, number, step, at, verdict, 'forged', "
    "look, reading, judgement, replaces, prev_hash, {1} "
    "FROM looks WHERE rollout = 'r1' AND position = {2}"
)


async def write(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await fill(store, "r0")
        await fill(store, "r1")
        await store.append("r1", (entry(5, Phase.ABORTED),))
        await fill(store, "r2")
        assert (await store.verify()).ok


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger as it should be, to be copied and tampered with."""
    path = tmp_path_factory.mktemp("sound") / "ledger.db"
    with ThreadPoolExecutor(1) as other_thread:  # this one has a loop already
        other_thread.submit(asyncio.run, write(path)).result()
    return path


@pytest.fixture
async def written(sound: Path, tmp_path: Path) -> AsyncIterator[Store]:
    path = shutil.copy(sound, tmp_path / "ledger.db")
    async with open_store(f"sqlite:///{path}") as store:
        yield store


def tamper(store: Store, script: str) -> None:
    with closing(sqlite3.connect(store.location)) as connection:
        connection.executescript(script)


COLUMNS = [
    *(("events", "seq", column) for column in chain.EVENT[1:]),
    *(("looks", "position", column) for column in chain.LOOK[1:]),
    *(("journal", "n", column) for column in chain.JOURNAL),
]


@pytest.mark.parametrize(("table", "place", "column"), COLUMNS)
async def test_no_column_is_edited_unnoticed(
    written: Store, table: str, place: str, column: str
) -> None:
    of = "" if table == "journal" else " AND rollout = 'r1'"
    tamper(written, f"UPDATE {table} SET {column} = 'x' WHERE {place} = 2{of}")
    found = await written.verify()
    assert (found.ok, found.table, found.position, found.problem) == (False, table, 2, "edited")
    assert found.rollout == ("r1" if of else "")
    assert f"row 2 of {table}" in found.sentence


@pytest.mark.parametrize(
    "change",
    [
        "service = 'other'",
        "opened_at = updated_at",
        "definition = replace(definition, '\"weight\":5', '\"weight\":50')",
        "hash = 'x'",
        "opening = 99",
        "updated_at = opened_at",
        "phase = 'succeeded'",
        "state = replace(state, '\"weight\":5', '\"weight\":0')",
        "live = 1",
        "released = 'never'",
        "id = 'r9'",
    ],
)
async def test_no_rollout_is_edited_unnoticed(written: Store, change: str) -> None:
    tamper(written, f"UPDATE rollouts SET {change} WHERE id = 'r1'")
    found = await written.verify()
    expected = ("inserted",) if change.startswith("id") else ("edited",)
    assert (found.ok, found.table, found.problem) == (False, "rollouts", *expected)


@pytest.mark.parametrize("column", ["events", "looks"])
@pytest.mark.parametrize(("by", "problem"), [("+ 1", "truncated"), ("- 1", "inserted")])
async def test_a_changed_count_is_found(written: Store, column: str, by: str, problem: str) -> None:
    tamper(written, f"UPDATE rollouts SET {column} = {column} {by} WHERE id = 'r1'")
    found = await written.verify()
    assert (found.ok, found.table, found.problem) == (False, column, problem)


HOW = [
    ("events", 2, "deleted", "DELETE FROM events WHERE rollout = 'r1' AND seq = 2"),
    ("events", 1, "deleted", "DELETE FROM events WHERE rollout = 'r1' AND seq = 1"),
    ("looks", 2, "deleted", "DELETE FROM looks WHERE rollout = 'r1' AND position = 2"),
    ("looks", 1, "deleted", "DELETE FROM looks WHERE rollout = 'r1' AND position < 3"),
    (
        "looks",
        2,
        "deleted",
        "DELETE FROM looks WHERE rollout = 'r1' AND position = 2;"
        + CLOSE_GAP.format("looks", "position"),
    ),
    ("journal", 2, "deleted", "DELETE FROM journal WHERE n = 2"),
    ("events", 4, "truncated", "DELETE FROM events WHERE rollout = 'r1' AND seq >= 4"),
    ("looks", 4, "truncated", "DELETE FROM looks WHERE rollout = 'r1' AND position = 4"),
    ("looks", 1, "truncated", "DELETE FROM looks WHERE rollout = 'r1'"),
    ("journal", 4, "truncated", "DELETE FROM journal WHERE n = 4"),
    ("events", 2, "reordered", SWAP.format("events", "seq")),
    ("looks", 2, "reordered", SWAP.format("looks", "position")),
    ("events", 5, "reordered", "UPDATE events SET seq = 9 WHERE rollout = 'r1' AND seq = 5"),
    ("events", 6, "inserted", COPY_EVENT.format("6", "prev_hash", "'x'")),
    (
        "events",
        2,
        "inserted",
        OPEN_GAP.format("events", "seq") + COPY_EVENT.format("2", "'x'", "'x'"),
    ),
    (
        "events",
        2,
        "inserted",
        OPEN_GAP.format("events", "seq") + COPY_EVENT.format("2", "hash", "'x'"),
    ),
    ("looks", 5, "inserted", COPY_LOOK.format("5", "hash", "4")),
    ("ledger", 1, "deleted", "DELETE FROM ledger"),
    ("journal", 4, "edited", "UPDATE ledger SET journal_head = 'x'"),
]


@pytest.mark.parametrize(("table", "position", "problem", "script"), HOW)
async def test_every_way_to_tamper_has_its_name(
    written: Store, table: str, position: int, problem: str, script: str
) -> None:
    tamper(written, script)
    found = await written.verify()
    assert (found.table, found.position, found.problem) == (table, position, problem)


async def test_a_deleted_rollout_is_missed(written: Store) -> None:
    tamper(
        written,
        "DELETE FROM events WHERE rollout = 'r1'; DELETE FROM looks WHERE rollout = 'r1';"
        "DELETE FROM rollouts WHERE id = 'r1'",
    )
    found = await written.verify()
    assert (found.table, found.rollout, found.problem) == ("rollouts", "r1", "deleted")


async def test_history_of_no_rollout_is_found(written: Store) -> None:
    tamper(
        written, COPY_EVENT.format("1", "prev_hash", "hash").replace("SELECT rollout", "SELECT 'x'")
    )
    found = await written.verify()
    assert (found.table, found.rollout, found.problem) == ("events", "x", "inserted")


def forge_last_event(store: Store) -> None:
    """Rewrite the end of a closed rollout's history with right hashes, as a forger would."""
    with closing(sqlite3.connect(store.location)) as connection, connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM events WHERE rollout = 'r1' ORDER BY seq DESC LIMIT 1"
        row = dict(connection.execute(query).fetchone()) | {"sentence": "forged"}
        digest = chain.link(row["prev_hash"], row, chain.EVENT)
        connection.execute(
            "UPDATE events SET sentence = 'forged', hash = ? WHERE rollout = 'r1' AND seq = ?",
            (digest, row["seq"]),
        )
        connection.execute("UPDATE rollouts SET events_head = ? WHERE id = 'r1'", (digest,))


async def test_the_journal_vouches_for_closed_rollouts(written: Store) -> None:
    forge_last_event(written)
    found = await written.verify()
    assert (found.table, found.position, found.problem) == ("events", 5, "edited")
    assert "journal" in found.sentence


async def test_an_event_written_anew_with_its_own_hash_is_found(written: Store) -> None:
    with closing(sqlite3.connect(written.location)) as connection, connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM events WHERE rollout = 'r2' AND seq = 2"
        row = dict(connection.execute(query).fetchone()) | {"sentence": "forged"}
        digest = chain.link(row["prev_hash"], row, chain.EVENT)
        connection.execute(
            "UPDATE events SET sentence = 'forged', hash = ? WHERE rollout = 'r2' AND seq = 2",
            (digest,),
        )
    found = await written.verify()
    assert (found.table, found.rollout, found.position, found.problem) == (
        "events",
        "r2",
        2,
        "edited",
    )


async def test_a_noted_head_reveals_a_ledger_made_anew(written: Store, tmp_path: object) -> None:
    noted = (await written.verify()).head
    assert noted
    await fill(written, "r3")
    assert (await written.verify(noted)).ok
    async with open_store(f"sqlite:///{tmp_path}/anew.db") as anew:
        await fill(anew, "r0")
        assert (await anew.verify()).ok
        found = await anew.verify(noted)
    assert (found.ok, found.table, found.problem) == (False, "journal", "truncated")


async def test_verifying_counts_every_row(written: Store) -> None:
    assert (await written.verify()).rows == 3 + (4 + 5 + 4) + 3 * 4 + 4


@on_postgres
@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("UPDATE events SET sentence = 'x' WHERE seq = 2", "edited"),
        ("DELETE FROM looks WHERE position = 2", "deleted"),
        ("DELETE FROM looks WHERE position = 4", "truncated"),
    ],
)
async def test_tampering_is_found_on_postgresql(
    postgres_url: str, script: str, problem: str
) -> None:
    async with open_store(postgres_url) as store:
        await fill(store)
        assert (await store.verify()).ok
        engine = sa.create_engine(postgres_url)
        with engine.begin() as connection:
            connection.exec_driver_sql(script)
        engine.dispose()
        assert (await store.verify()).problem == problem


async def test_verifying_sees_one_moment_while_others_write(store: Store) -> None:
    await store.open_rollout(rollout(), NOW)
    for start in range(0, 200, 20):
        writes = [store.append_look("r1", look(number)) for number in range(start, start + 20)]
        verifying = asyncio.create_task(store.verify())
        await asyncio.gather(*writes)
        assert (await verifying).ok
