"""Whatever the disk does: a LedgerError with a next step, nothing half-written, and on it goes."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from tests.support.disks import on_small_disks, small_disk
from tests.support.history import NOW, entry, fill, look, rollout

from chimera.core.errors import LedgerError
from chimera.store import Store, database, open_store

ROOT = os.geteuid() == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "cannot be read"),
        ("ledger.db", "cannot be read"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://root:hunter2@host/db", "cannot be kept in 'mysql'"),
        ("postgresql+asyncpg://u:hunter2@h/db", "cannot be kept in"),
        ("postgresql://u:hunter2@h:port/db", "cannot be read"),
    ],
)
def test_a_wrong_url_is_explained(url: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message) as caught:
        open_store(url)
    assert "sqlite:////" in caught.value.hint
    assert "hunter2" not in str(caught.value)


async def refuse(url: str) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        await open_store(url).open()
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_file_that_is_no_database(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("dear diary, " * 100)
    error = await refuse(sqlite_url)
    assert "not a database" in str(error)
    assert (tmp_path / "ledger.db").read_text().startswith("dear diary")


async def test_a_folder_in_the_files_place(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    assert "unable to open" in str(await refuse(sqlite_url))


async def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = await refuse(f"sqlite:///{tmp_path}/file/ledger.db")
    assert "is a folder" in error.hint


async def test_a_corrupted_file(sqlite_url: str, tmp_path: Path) -> None:
    async with open_store(sqlite_url):
        pass
    path = tmp_path / "ledger.db"
    schema = path.stat().st_size
    async with open_store(sqlite_url) as store:
        await fill(store, looks=40)
    whole = path.read_bytes()
    path.write_bytes(whole[:schema] + b"\xa5" * (len(whole) - schema))
    async with open_store(sqlite_url) as store:
        with pytest.raises(LedgerError, match="malformed") as caught:
            await store.verify()
    assert "backup" in caught.value.hint


READ_ONLY = """
import asyncio, os, sys
from chimera.core.errors import LedgerError
from chimera.store import open_store
from tests.support.history import NOW, rollout

folder, mode = sys.argv[1], int(sys.argv[2])

async def main():
    async with open_store(f"sqlite:///{folder}/ledger.db"):
        pass
    os.chmod(f"{folder}/ledger.db", 0o444)
    os.chmod(folder, mode)
    if os.geteuid() == 0:  # for whom nothing is read-only
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
    try:
        async with open_store(f"sqlite:///{folder}/ledger.db") as store:
            await store.open_rollout(rollout(), NOW)
    except LedgerError as error:
        print(error, "|", error.hint)

asyncio.run(main())
"""


@pytest.mark.parametrize("mode", [0o555, 0o777])
def test_a_file_that_may_only_be_read(mode: int) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder, str(mode)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        Path(folder).chmod(0o755)
    assert "writable for this user" in done.stdout, done.stderr


async def test_a_ledger_that_another_process_holds(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 50)
    async with open_store(sqlite_url) as store:
        await store.open_rollout(rollout(), NOW)
        with closing(sqlite3.connect(store.location)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerError, match="locked") as caught:
                await store.append("r1", (entry(1),))
            assert "another process" in caught.value.hint
            assert await store.events("r1") == ()
            holder.rollback()
        await store.append("r1", (entry(1),))
        assert (await store.verify()).ok


async def write_until_refused(store: Store) -> tuple[int, LedgerError]:
    for number in range(100_000):
        try:
            await store.append_look("r1", look(number))
        except LedgerError as error:
            return number, error
    raise AssertionError("the disk never filled")


async def check_full_disk(store: Store, make_room: Callable[[], None]) -> None:
    await store.open_rollout(rollout(), NOW)
    written, error = await write_until_refused(store)
    assert written > 0
    assert "full" in str(error)
    assert "space" in error.hint
    assert len(await store.looks("r1")) == written
    for _ in range(3):
        with pytest.raises(LedgerError, match="full"):
            await store.append("r1", tuple(entry(seq, sentence="x" * 9999) for seq in range(1, 99)))
    assert (await store.verify()).ok
    make_room()
    await store.append_look("r1", look(written))
    await store.append("r1", (entry(1), entry(2)))
    assert len(await store.looks("r1")) == written + 1
    assert (await store.verify()).ok


@pytest.fixture
def connections() -> Iterator[list[sqlite3.Connection]]:
    """Every connection that is made meanwhile, with room for 60 pages only."""
    made: list[sqlite3.Connection] = []

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")
        made.append(connection)

    event.listen(sa.Engine, "connect", limit)
    yield made
    event.remove(sa.Engine, "connect", limit)


async def test_a_database_that_may_not_grow(
    sqlite_url: str, connections: list[sqlite3.Connection]
) -> None:
    def make_room() -> None:
        for connection in connections:
            connection.execute("PRAGMA max_page_count = 1000000")

    async with open_store(sqlite_url) as store:
        await check_full_disk(store, make_room)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    with small_disk(tmp_path / "disk", 1) as folder:
        yield folder


@on_small_disks
async def test_a_disk_that_is_full(disk: Path) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 300_000)
    async with open_store(f"sqlite:///{disk}/ledger.db") as store:
        await check_full_disk(store, ballast.unlink)


@on_small_disks
async def test_no_room_to_make_a_ledger(disk: Path) -> None:
    ballast = disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(b"x" * 2_000_000)
    url = f"sqlite:///{disk}/folder/ledger.db"
    error = await refuse(url)
    assert "space" in error.hint
    ballast.unlink()
    async with open_store(url) as store:
        await fill(store)
        assert (await store.verify()).ok
