"""Counting attempts and requests per window of time, for all processes of one database together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from chimera.store import codec, expiring, upsert
from chimera.store.access_tables import COUNTERS
from chimera.store.database import Database

_WRITE = "counting attempts"


@dataclass(frozen=True, slots=True)
class Count:
    """How many there were in a window, and how long it still lasts."""

    count: int
    left: timedelta


class Counters:
    """Counts in windows that begin with the first of what they count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, windows: Mapping[str, timedelta]) -> dict[str, Count]:
        """Count one more under each key; return each count in its current window, with it.

        windows: key to the length of its window.
        """
        now = datetime.now(UTC)

        def work(connection: sa.Connection) -> dict[str, Count]:
            expiring.sweep(connection, COUNTERS, codec.moment(now))
            # In order: two processes that count the same keys lock them in the same order.
            found = {key: _add(connection, key, now + windows[key]) for key in sorted(windows)}
            # At most its length: another process may have begun it a moment after our `now`.
            return {
                key: Count(count, min(ends - now, windows[key]))
                for key, (count, ends) in found.items()
            }

        return await self._database.write(work, _WRITE)

    async def clear(self, *keys: str) -> None:
        """Forget what was counted under these keys."""

        def work(connection: sa.Connection) -> None:
            wanted = [codec.clean(key) for key in keys]
            connection.execute(sa.delete(COUNTERS).where(COUNTERS.c.key.in_(wanted)))

        await self._database.write(work, _WRITE)


def _add(connection: sa.Connection, key: str, ends: datetime) -> tuple[int, datetime]:
    values = {"key": codec.clean(key), "count": 1, "expires_at": codec.moment(ends)}
    insert = upsert.insert(connection, COUNTERS).values(values)
    counted = insert.on_conflict_do_update(
        index_elements=["key"], set_={"count": COUNTERS.c.count + 1}
    ).returning(COUNTERS.c.count, COUNTERS.c.expires_at)
    count, until = connection.execute(counted).one()
    return int(count), codec.from_moment(until)
