import asyncio
import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.support.history import NOW, entry, fill, rollout
from tests.support.postgres import on_postgres

from chimera import __version__
from chimera.core.errors import LedgerError
from chimera.store import migrations, open_store
from chimera.store.tables import METADATA, SCHEMA, SCHEMAS


def downgrade(url: str, revision: str) -> None:
    """Make an older Chimera's ledger out of today's."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        migrations.downgrade(connection, revision)
    engine.dispose()


def execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def backups(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if ".db." in file.name)


async def test_the_migrations_make_what_the_code_expects(url: str) -> None:
    async with open_store(url):
        pass
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert {index["name"] for index in sa.inspect(connection).get_indexes("rollouts")} >= {
            "ix_rollouts_live_service"
        }
    engine.dispose()


def test_the_code_knows_every_migration() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(migrations.configured(connection))
        found = [revision.revision for revision in script.walk_revisions()]
    engine.dispose()
    assert tuple(reversed(found)) == SCHEMAS


async def test_an_older_ledger_is_brought_up_to_date(url: str) -> None:
    async with open_store(url) as store:
        await fill(store)
        before = (await store.get("r1"), await store.verify())
    downgrade(url, "0001")
    async with open_store(url) as store:
        assert (await store.get("r1"), await store.verify()) == before
        assert await store.inventory.find() == ()


async def test_a_backup_is_made_before_a_migration(sqlite_url: str, tmp_path: Path) -> None:
    async with open_store(sqlite_url) as store:
        await fill(store)
    assert backups(tmp_path) == []
    downgrade(sqlite_url, "0001")
    async with open_store(sqlite_url):
        pass
    assert backups(tmp_path) == ["ledger.db.schema-0001.bak"]
    backup = tmp_path / backups(tmp_path)[0]
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (4,)
    async with open_store(f"sqlite:///{backup}") as restored:
        assert (await restored.verify()).ok


async def test_a_failed_migration_changes_nothing(url: str) -> None:
    async with open_store(url) as store:
        await fill(store)
    downgrade(url, "0001")
    execute(url, "CREATE TABLE fences (in_the_way INTEGER)")
    with pytest.raises(LedgerError, match="migrating"):
        await open_store(url).open()
    execute(url, "DROP TABLE fences")
    async with open_store(url) as store:
        assert (await store.verify()).ok
        assert len(await store.events("r1")) == 4


async def test_a_newer_ledger_is_refused_and_left_alone(url: str) -> None:
    async with open_store(url) as store:
        await fill(store)
    execute(url, "UPDATE alembic_version SET version_num = '0099'")
    execute(url, "UPDATE ledger SET written_by = '9.8.7'")
    with pytest.raises(LedgerError, match=r"Chimera 9\.8\.7 .*0099.*" + __version__) as caught:
        await open_store(url).open()
    assert "9.8.7 or newer" in caught.value.hint
    execute(url, f"UPDATE alembic_version SET version_num = '{SCHEMA}'")
    async with open_store(url) as store:
        assert (await store.verify()).ok


async def test_without_leave_to_migrate_an_old_or_empty_ledger_is_refused(url: str) -> None:
    with pytest.raises(LedgerError, match="no schema yet") as caught:
        await open_store(url, migrate=False).open()
    assert "chimera up" in caught.value.hint
    async with open_store(url):
        pass
    async with open_store(url, migrate=False) as store:
        await store.open_rollout(rollout(), NOW)
    downgrade(url, "0001")
    with pytest.raises(LedgerError, match="older schema 0001"):
        await open_store(url, migrate=False).open()


async def test_another_programs_database_is_refused_and_left_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    execute(sqlite_url, "CREATE TABLE customers (name TEXT)")
    before = (tmp_path / "ledger.db").read_bytes()
    with pytest.raises(LedgerError, match="customers"):
        await open_store(sqlite_url).open()
    assert (tmp_path / "ledger.db").read_bytes() == before


async def _use(url: str, name: str) -> None:
    async with open_store(url) as store:
        await store.open_rollout(rollout(name, service=name), NOW)
        await store.append(name, (entry(1),))


def _use_in_process(url: str, name: str, barrier: object) -> None:
    barrier.wait(30)  # type: ignore[attr-defined]
    asyncio.run(_use(url, name))


def open_at_once(url: str, names: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(names))
    processes = [
        context.Process(target=_use_in_process, args=(url, name, barrier)) for name in names
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.close()
    assert codes == [0] * len(names)


async def test_several_processes_open_a_new_ledger_at_once(url: str) -> None:
    await asyncio.to_thread(open_at_once, url, ["a", "b", "c"])
    async with open_store(url) as store:
        assert await store.services() == ("a", "b", "c")
        assert (await store.verify()).ok


async def test_several_processes_migrate_an_older_ledger_once(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_store(sqlite_url) as store:
        await fill(store)
    downgrade(sqlite_url, "0001")
    await asyncio.to_thread(open_at_once, sqlite_url, ["a", "b", "c"])
    assert backups(tmp_path) == ["ledger.db.schema-0001.bak"]
    with closing(sqlite3.connect(tmp_path / backups(tmp_path)[0])) as connection:
        assert connection.execute("SELECT count(*) FROM rollouts").fetchone() == (1,)


async def test_the_ledger_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "ledger.db"
    async with open_store(f"sqlite:///{path}") as store:
        await fill(store)
        files = [path, *path.parent.glob("ledger.db-*")]
        assert len(files) == 3
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@on_postgres
async def test_a_shared_postgresql_database_may_hold_other_tables(postgres_url: str) -> None:
    execute(postgres_url, "CREATE TABLE customers (name TEXT)")
    async with open_store(postgres_url) as store:
        await fill(store)
        assert (await store.verify()).ok
