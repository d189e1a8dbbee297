"""Opening a rollout, which takes its service, and letting go of the service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from chimera.core.errors import LedgerError, RolloutConflict, RolloutNotFound
from chimera.core.plan import Rollout
from chimera.core.state import State
from chimera.store import chain, codec, journal
from chimera.store.holds import refuse_held
from chimera.store.tables import ROLLOUTS


def opening(rollout: Rollout, at: datetime, engine: str) -> Callable[[sa.Connection], None]:
    """Return the work that records a rollout and takes its service. engine: what drives it."""
    definition = codec.ROLLOUT.encode(rollout)
    opened_at = codec.moment(at)

    def work(connection: sa.Connection) -> None:
        book = journal.take(connection)
        if _opened_before(connection, rollout, definition):
            return
        _refuse_second(connection, rollout)
        refuse_held(connection, rollout.service.name)
        row = _first_row(rollout, definition, opened_at)
        connection.execute(sa.insert(ROLLOUTS), row | {"opening": book.length + 1})
        book.note(journal.OPENED, opened_at, row, codec.name(engine))

    return work


def releasing(rollout: str, reason: str, at: datetime) -> Callable[[sa.Connection], bool]:
    """Return the work that makes a rollout let go of its service; False if it did not hold it."""

    def work(connection: sa.Connection) -> bool:
        book = journal.take(connection)
        row = connection.execute(
            sa.select(ROLLOUTS).where(ROLLOUTS.c.id == codec.clean(rollout)).with_for_update()
        ).one_or_none()
        if row is None:
            raise RolloutNotFound(f"no rollout '{rollout}' is in the ledger")
        if not row.live:
            return False
        why = codec.clean(reason) or "released"
        connection.execute(
            sa.update(ROLLOUTS).where(ROLLOUTS.c.id == row.id).values(live=False, released=why)
        )
        book.note(journal.RELEASED, codec.moment(at), dict(row._mapping), why)
        return True

    return work


def _opened_before(connection: sa.Connection, rollout: Rollout, definition: str) -> bool:
    row = connection.execute(
        sa.select(ROLLOUTS.c.definition, ROLLOUTS.c.released).where(ROLLOUTS.c.id == rollout.id)
    ).one_or_none()
    if row is None:
        return False
    if row.definition != definition and codec.ROLLOUT.decode(row.definition) != rollout:
        raise LedgerError(
            f"rollout '{rollout.id}' is already in the ledger with another definition",
            hint="a rollout is immutable: start a new one under a new id",
        )
    if row.released:
        raise RolloutConflict(
            f"rollout '{rollout.id}' was made to let go of its service: {row.released}",
            rollout=rollout.id,
            hint="start a new rollout",
        )
    return True


def _refuse_second(connection: sa.Connection, rollout: Rollout) -> None:
    holder = connection.execute(
        sa.select(ROLLOUTS.c.id, ROLLOUTS.c.phase).where(
            ROLLOUTS.c.service == rollout.service.name, ROLLOUTS.c.live
        )
    ).one_or_none()
    if holder is not None:
        raise RolloutConflict(
            f"'{rollout.service.name}' has a rollout already: {holder.id} is {holder.phase}",
            rollout=holder.id,
            hint=f"watch it with `chimera status {holder.id}`, or end it with `chimera abort`",
        )


def _first_row(rollout: Rollout, definition: str, opened_at: str) -> dict[str, object]:
    state = State()
    row: dict[str, object] = {
        "id": codec.name(rollout.id),
        "service": rollout.service.name,
        "opened_at": opened_at,
        "definition": definition,
    }
    head = chain.link(chain.START, row, chain.ROLLOUT)
    return row | {
        "hash": head,
        "updated_at": opened_at,
        "phase": state.phase.value,
        "state": codec.STATE.encode(state),
        "live": True,
        "released": "",
        "events": 0,
        "events_head": head,
        "looks": 0,
        "looks_head": head,
        "look_generation": -1,
        "look_number": -1,
    }
