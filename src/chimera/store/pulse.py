"""Telling cheaply whether anything changed, for who watches: no row is decoded for it."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from chimera.core.errors import RolloutNotFound
from chimera.store import codec
from chimera.store.tables import ROLLOUTS

Pulse = tuple[int, ...]


def of_rollout(rollout: str) -> Callable[[sa.Connection], Pulse]:
    """Return the work that tells how many events and looks a rollout has, and if it is live."""
    query = sa.select(ROLLOUTS.c.events, ROLLOUTS.c.looks, ROLLOUTS.c.live)

    def work(connection: sa.Connection) -> Pulse:
        row = connection.execute(query.where(ROLLOUTS.c.id == codec.clean(rollout))).one_or_none()
        if row is None:
            raise RolloutNotFound(
                f"no rollout '{rollout}' is in the ledger", hint="`chimera history` lists them"
            )
        return row.events, row.looks, int(row.live)

    return work


def of_all(connection: sa.Connection) -> Pulse:
    """Tell the last opening, how many rollouts are live, and how many events those have."""
    last = sa.select(sa.func.coalesce(sa.func.max(ROLLOUTS.c.opening), 0)).scalar_subquery()
    live = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(ROLLOUTS.c.events), 0))
        .where(ROLLOUTS.c.live)
        .add_columns(last)
    )
    return tuple(map(int, connection.execute(live).one()))
