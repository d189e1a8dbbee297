"""Removing what has expired, without waiting for another process that does the same."""

from __future__ import annotations

import sqlalchemy as sa

_AT_ONCE = 500


def sweep(connection: sa.Connection, table: sa.Table, now: str) -> None:
    """Delete rows whose `expires_at` has come; those that another transaction holds wait."""
    keys = list(table.primary_key.columns)
    over = sa.select(*keys).where(table.c.expires_at <= now).limit(_AT_ONCE)
    rows = connection.execute(over.with_for_update(skip_locked=True)).all()
    if rows:
        which = [sa.and_(*(key == row[n] for n, key in enumerate(keys))) for row in rows]
        connection.execute(sa.delete(table).where(sa.or_(*which)))
