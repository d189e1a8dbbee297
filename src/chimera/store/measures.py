"""Numbers over all rollouts, for who monitors: one query each, however many there are."""

from __future__ import annotations

import sqlalchemy as sa

from chimera.store.queries import look_row
from chimera.store.rows import LookRow
from chimera.store.tables import LOOKS, ROLLOUTS


def last_looks(connection: sa.Connection) -> dict[str, LookRow]:
    """Return the last look of each live rollout that has one, by rollout."""
    query = (
        sa.select(LOOKS)
        .join(
            ROLLOUTS,
            sa.and_(LOOKS.c.rollout == ROLLOUTS.c.id, LOOKS.c.position == ROLLOUTS.c.looks),
        )
        .where(ROLLOUTS.c.live)
    )
    return {row.rollout: look_row(row) for row in connection.execute(query)}


def endings(connection: sa.Connection) -> tuple[tuple[str, str, int], ...]:
    """Return how many rollouts of a service have ended in each phase: (service, phase, count)."""
    service, phase = ROLLOUTS.c.service, ROLLOUTS.c.phase
    query = (
        sa.select(service, phase, sa.func.count())
        .where(sa.not_(ROLLOUTS.c.live))
        .group_by(service, phase)
        .order_by(service, phase)
    )
    return tuple((row[0], row[1], int(row[2])) for row in connection.execute(query))
