"""The audit trail: who did or tried what, when, from where, and how it ended. A chain of hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from chimera.core.errors import LedgerError
from chimera.store import chain, codec
from chimera.store.access_tables import TRAIL, TRAIL_END
from chimera.store.database import Database


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One entry. n: its place from 1. source: the address it came from, "cli" for this machine."""

    n: int
    at: datetime
    who: str
    action: str
    target: str
    source: str
    outcome: str
    detail: str


class Trail:
    """Appends to the audit trail and reads it; safe for many tasks and for several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, row: TrailRow) -> None:
        """Append an entry; its `n` is given here."""
        fields = ("who", "action", "target", "source", "outcome", "detail")
        values = {name: codec.clean(getattr(row, name)) for name in fields}
        values["at"] = codec.moment(row.at)

        def work(connection: sa.Connection) -> None:
            end = connection.execute(sa.select(TRAIL_END).with_for_update()).one_or_none()
            if end is None:
                raise LedgerError(
                    "the audit trail has lost its end",
                    hint="run `chimera audit verify`, then restore a backup",
                )
            digest = chain.link(end.head, values, chain.TRAIL)
            place = {"n": end.length + 1, "prev_hash": end.head, "hash": digest}
            connection.execute(sa.insert(TRAIL).values({**values, **place}))
            connection.execute(sa.update(TRAIL_END).values(length=end.length + 1, head=digest))

        await self._database.write(work, "writing the audit trail")

    async def entries(self, *, before: int = 0, limit: int = 100) -> tuple[TrailRow, ...]:
        """Return entries, the newest first; before: only those with a smaller number."""
        query = sa.select(TRAIL).order_by(TRAIL.c.n.desc()).limit(limit)
        if before:
            query = query.where(TRAIL.c.n < before)

        def work(connection: sa.Connection) -> tuple[TrailRow, ...]:
            return tuple(
                TrailRow(
                    n=row.n,
                    at=codec.from_moment(row.at),
                    who=row.who,
                    action=row.action,
                    target=row.target,
                    source=row.source,
                    outcome=row.outcome,
                    detail=row.detail,
                )
                for row in connection.execute(query)
            )

        return await self._database.read(work, "reading the audit trail")
