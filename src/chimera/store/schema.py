"""Bringing a database to the schema of this Chimera: once, whichever process comes first."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa

from chimera import __version__
from chimera.core.errors import LedgerError
from chimera.store.database import BUSY_MS, Database
from chimera.store.faults import place
from chimera.store.tables import LEDGER, SCHEMA, SCHEMAS

log = logging.getLogger(__name__)

_POSTGRES_LOCK = 0x6368696D657261  # "chimera"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def prepare(database: Database, *, migrate: bool) -> None:
    """Check the schema and migrate it if allowed; LedgerError if it cannot be used."""
    found = database.run_read(current, "reading its schema")
    if found is not None:
        _refuse_newer(database, found)
    if found == SCHEMA:
        return
    if not migrate:
        raise LedgerError(
            f"the ledger at {place(database.url)} has "
            + (f"the older schema {found}" if found else "no schema yet"),
            hint="stop the controller if one runs; then `chimera up` brings it up to date",
        )
    if database.sqlite:
        database.run_plain(_use_wal, "switching it to a write-ahead log")
    database.run_write(lambda connection: _migrate(database, connection), "migrating it")


def current(connection: sa.Connection) -> str | None:
    """Return the schema's revision, None if there is none; LedgerError if it is no ledger."""
    tables = set(sa.inspect(connection).get_table_names())
    if _VERSION.name in tables:
        return connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()
    if LEDGER.name in tables or (tables and connection.dialect.name == "sqlite"):
        raise LedgerError(
            "this database is not a ledger: it holds " + ", ".join(sorted(tables)[:5]),
            hint="name another file or database for the ledger",
        )
    return None


def _refuse_newer(database: Database, found: str) -> None:
    if found in SCHEMAS:
        return
    writer = database.run_read(_written_by, "reading who wrote it")
    raise LedgerError(
        f"the ledger at {place(database.url)} was written by Chimera {writer} with schema {found}; "
        f"this is Chimera {__version__}, which knows schemas up to {SCHEMA}",
        hint=f"use Chimera {writer} or newer, or restore the backup made before it migrated",
    )


def _written_by(connection: sa.Connection) -> str:
    return connection.execute(sa.select(LEDGER.c.written_by)).scalar_one_or_none() or "(unknown)"


def _migrate(database: Database, connection: sa.Connection) -> None:
    from chimera.store.migrations import upgrade

    if not database.sqlite:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRES_LOCK)))
    found = current(connection)  # another process may have been quicker
    if found == SCHEMA:
        return
    backup = None
    if found is not None and database.sqlite:
        backup = _back_up(Path(database.url.database or ""), found)
    upgrade(connection, SCHEMA)
    connection.execute(sa.update(LEDGER).values(written_by=__version__))
    if found is not None:
        fields = {"from_schema": found, "to_schema": SCHEMA, "backup": backup or "none made here"}
        log.warning("ledger.migrated", extra=fields)


def _back_up(path: Path, schema: str) -> Path:
    """Copy the file, consistent although it is in use, and return where to; we hold its lock."""
    target = path.with_name(f"{path.name}.schema-{schema}.bak")
    partial = target.with_name(target.name + ".part")
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(partial)) as copy,
    ):
        source.backup(copy)
    partial.replace(target)
    return target


def _use_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait for a lock here, so we do.
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
