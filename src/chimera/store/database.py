"""The connection: one engine, one writer thread, a few reader threads, an async face."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event, exc

from chimera.core.errors import LedgerError
from chimera.store.faults import mapped, place

_T = TypeVar("_T")
_P = ParamSpec("_P")
_READERS = 4
BUSY_MS = 10_000
_CONNECT_S = 5
_WRITES = "chimera_writes"


def parse_url(text: str) -> sa.URL:
    """Return the URL of a ledger: a SQLite file or PostgreSQL; LedgerError for anything else."""
    hint = "use sqlite:////absolute/path/ledger.db or postgresql+psycopg://user@host/database"
    try:
        url = sa.make_url(text)
    except (exc.ArgumentError, ValueError):
        # The text is not repeated: what cannot be parsed cannot be masked either.
        raise LedgerError("the ledger's URL cannot be read", hint=hint) from None
    if url.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise LedgerError(f"the ledger cannot be kept in '{url.drivername}'", hint=hint)
    if not url.database or url.database == ":memory:":
        raise LedgerError("a ledger in memory would be lost with its process", hint=hint)
    return url


class Database:
    """Runs functions on a connection, each in one transaction: done whole, or not at all."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.sqlite = url.get_backend_name() == "sqlite"
        self._engine: sa.Engine | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None

    def open(self) -> None:
        """Make the engine; on SQLite also the file, readable by its owner only."""
        with mapped(self.url, "opening it"):
            if self.sqlite:
                _own_file(Path(self.url.database or ""))
            self._engine = _make_engine(self.url)
        self._writer = ThreadPoolExecutor(1, "ledger-writer")
        self._readers = ThreadPoolExecutor(_READERS, "ledger-reader")

    def close(self) -> None:
        """Finish what was begun, then let go of every connection and thread. Idempotent."""
        for pool in (self._writer, self._readers):
            if pool is not None:
                pool.shutdown()
        if self._engine is not None:
            self._engine.dispose()
        self._engine = self._writer = self._readers = None

    @property
    def engine(self) -> sa.Engine:
        """The engine; LedgerError if not open."""
        if self._engine is None:
            raise LedgerError(f"the ledger at {place(self.url)} is not open")
        return self._engine

    def submit(self, work: Callable[[], None]) -> None:
        """Call `work` soon on the writer thread."""
        _start(self._writer, self.url, work)

    def run_read(self, work: Callable[[sa.Connection], _T], doing: str) -> _T:
        """Call `work` in a transaction that sees one moment; blocks."""
        engine = self.engine
        if not self.sqlite:
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with mapped(self.url, doing), engine.begin() as connection:
            return work(connection)

    def run_write(self, work: Callable[[sa.Connection], _T], doing: str) -> _T:
        """Call `work` in a transaction that may write, and commit; blocks.

        Once more if two processes inserted the same row: the second time it sees the other's.
        """
        engine = self.engine.execution_options(**{_WRITES: True})
        with mapped(self.url, doing):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except exc.IntegrityError:
                with engine.begin() as connection:
                    return work(connection)

    def run_plain(self, work: Callable[[sqlite3.Connection], _T], doing: str) -> _T:
        """Call `work` on SQLite's own connection, outside any transaction; blocks."""
        with mapped(self.url, doing):
            connection = self.engine.raw_connection()
            try:
                return work(cast(sqlite3.Connection, connection.driver_connection))
            finally:
                connection.close()

    async def read(self, work: Callable[[sa.Connection], _T], doing: str) -> _T:
        """Like `run_read`, on a reader thread."""
        return await asyncio.wrap_future(
            _start(self._readers, self.url, self.run_read, work, doing)
        )

    async def write(self, work: Callable[[sa.Connection], _T], doing: str) -> _T:
        """Like `run_write`, on the writer thread."""
        return await asyncio.wrap_future(
            _start(self._writer, self.url, self.run_write, work, doing)
        )


def _start(
    pool: ThreadPoolExecutor | None,
    url: sa.URL,
    work: Callable[_P, _T],
    *args: _P.args,
    **kw: _P.kwargs,
) -> Future[_T]:
    try:
        if pool is not None:
            return pool.submit(work, *args, **kw)
    except RuntimeError:  # it is being closed
        pass
    raise LedgerError(f"the ledger at {place(url)} is not open")


def _own_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _make_engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, hide_parameters=True)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        return engine
    try:
        return sa.create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={
                # A database without an encoding would answer in bytes.
                "client_encoding": "utf8",
                "connect_timeout": url.query.get("connect_timeout", str(_CONNECT_S)),
                "options": f"-c lock_timeout={BUSY_MS} {url.query.get('options', '')}",
            },
        )
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"a ledger in PostgreSQL needs the package '{error.name}'",
            hint="pip install 'chimera-canary[postgres]'",
        ) from None


def _set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see _begin
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL: an event that the engine believes written must outlive a power cut, or the next one
    # would leave a gap; what was made must be on record before it exists. Group commit pays for it.
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: sa.Connection) -> None:
    # IMMEDIATE: a writer waits for its turn here, not in the middle, where SQLite would refuse it.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
