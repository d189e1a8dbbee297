"""Letting go of old looks. The journal notes what was pruned, so that the rest still proves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from chimera.store import codec, journal
from chimera.store.tables import LOOKS, ROLLOUTS


def prunable(older_than: datetime) -> Callable[[sa.Connection], tuple[str, ...]]:
    """Return the work that lists the rollouts with looks from before a moment."""
    before = codec.moment(older_than)

    def work(connection: sa.Connection) -> tuple[str, ...]:
        query = sa.select(LOOKS.c.rollout).where(LOOKS.c.at < before).distinct()
        return tuple(sorted(connection.execute(query).scalars()))

    return work


def pruning(rollout: str, older_than: datetime, at: datetime) -> Callable[[sa.Connection], int]:
    """Return the work that deletes a rollout's looks from before a moment; returns how many."""
    before = codec.moment(older_than)

    def work(connection: sa.Connection) -> int:
        book = journal.take(connection)
        row = connection.execute(
            sa.select(ROLLOUTS).where(ROLLOUTS.c.id == rollout).with_for_update()
        ).one()
        kept = connection.execute(
            sa.select(sa.func.min(LOOKS.c.position)).where(
                LOOKS.c.rollout == rollout, LOOKS.c.at >= before
            )
        ).scalar_one()
        last = row.looks if kept is None else kept - 1
        mine = (LOOKS.c.rollout == rollout, LOOKS.c.position <= last)
        head = connection.execute(
            sa.select(LOOKS.c.hash).where(mine[0], LOOKS.c.position == last)
        ).scalar_one_or_none()
        if head is None:  # another process was quicker, or an old look follows a young one
            return 0
        deleted = connection.execute(sa.delete(LOOKS).where(*mine)).rowcount
        heads = dict(row._mapping) | {"looks": last, "looks_head": head}
        book.note(journal.PRUNED, codec.moment(at), heads)
        return deleted

    return work
