"""Reading for the doors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import sqlalchemy as sa

from chimera.core.errors import RolloutNotFound
from chimera.core.model import Look
from chimera.core.state import Phase
from chimera.ports.ledger import LookRecord
from chimera.store import codec
from chimera.store.rows import EventRow, LookRow, RolloutRow
from chimera.store.tables import EVENTS, JOURNAL, LOOKS, ROLLOUTS

_SHOWN = 5
# What drives a rollout stands in the journal's line about its opening, and so in its hash.
_ENGINE = sa.func.coalesce(JOURNAL.c.note, "")
_OPENED = sa.select(ROLLOUTS, _ENGINE.label("engine")).outerjoin(
    JOURNAL, JOURNAL.c.n == ROLLOUTS.c.opening
)


def get(rollout: str) -> Callable[[sa.Connection], RolloutRow]:
    """Return the work that finds one rollout by its id or the only one whose id begins so."""

    def work(connection: sa.Connection) -> RolloutRow:
        return _rollout(connection, rollout)

    return work


def find(
    services: Collection[str] | None,
    live: bool | None,
    phases: Iterable[Phase],
    limit: int,
    before: str,
    engines: Collection[str] | None,
) -> Callable[[sa.Connection], tuple[RolloutRow, ...]]:
    """Return the work that lists rollouts, the last opened first. services: None is all."""
    wanted = sorted(phase.value for phase in phases)
    names = None if services is None else sorted(map(codec.clean, services))

    def work(connection: sa.Connection) -> tuple[RolloutRow, ...]:
        query = _OPENED.order_by(ROLLOUTS.c.opening.desc()).limit(limit)
        if engines is not None:
            query = query.where(_ENGINE.in_(sorted({"", *engines})))
        if names is not None:
            query = query.where(ROLLOUTS.c.service.in_(names))
        if live is not None:
            query = query.where(ROLLOUTS.c.live == live)
        if wanted:
            query = query.where(ROLLOUTS.c.phase.in_(wanted))
        if before:
            query = query.where(ROLLOUTS.c.opening < _row(connection, before).opening)
        return tuple(_rollout_row(row) for row in connection.execute(query))

    return work


def events(rollout: str, after: int) -> Callable[[sa.Connection], tuple[EventRow, ...]]:
    """Return the work that lists a rollout's events, oldest first."""

    def work(connection: sa.Connection) -> tuple[EventRow, ...]:
        key = _row(connection, rollout).id
        query = sa.select(EVENTS).where(EVENTS.c.rollout == key, EVENTS.c.seq > after)
        return tuple(_event_row(row) for row in connection.execute(query.order_by(EVENTS.c.seq)))

    return work


def looks(
    rollout: str, after: int, limit: int | None
) -> Callable[[sa.Connection], tuple[LookRow, ...]]:
    """Return the work that lists a rollout's looks, oldest first, without replaced ones."""

    def work(connection: sa.Connection) -> tuple[LookRow, ...]:
        key = _row(connection, rollout).id
        query = (
            sa.select(LOOKS)
            .where(LOOKS.c.rollout == key, LOOKS.c.position > after)
            .where(LOOKS.c.position.not_in(_replaced(key)))
            .order_by(LOOKS.c.position)
            .limit(limit)
        )
        return tuple(look_row(row) for row in connection.execute(query))

    return work


def last_look(rollout: str) -> Callable[[sa.Connection], LookRecord | None]:
    """Return the work that finds the look of a rollout that was written last."""
    query = sa.select(LOOKS).order_by(LOOKS.c.position.desc()).limit(1)

    def work(connection: sa.Connection) -> LookRecord | None:
        mine = query.where(LOOKS.c.rollout == codec.clean(rollout))
        row = connection.execute(mine).one_or_none()
        return look_row(row).record if row is not None else None

    return work


def _replaced(key: str) -> sa.Select[tuple[int]]:
    later = LOOKS.alias()
    return sa.select(later.c.replaces).where(later.c.rollout == key, later.c.replaces.is_not(None))


def bare_looks(
    rollout: str, steps: Collection[int], each: int
) -> Callable[[sa.Connection], tuple[Look, ...]]:
    """Return the work that lists the first looks of some steps, without what was made of them."""

    def work(connection: sa.Connection) -> tuple[Look, ...]:
        key = _row(connection, rollout).id
        found: list[Look] = []
        for step in sorted(steps):
            begin, end = (_beginning(connection, key, at) for at in (step, step + 1))
            query = (
                sa.select(LOOKS.c.look)
                .where(LOOKS.c.rollout == key, LOOKS.c.position >= begin, LOOKS.c.position < end)
                .where(LOOKS.c.position.not_in(_replaced(key)))
                .order_by(LOOKS.c.position)
                .limit(each)
            )
            found += (codec.LOOK.decode(row.look) for row in connection.execute(query))
        return tuple(found)

    return work


def _beginning(connection: sa.Connection, key: str, step: int) -> int:
    """Return the position where a step begins, by halving: steps follow each other."""
    mine = sa.select(LOOKS.c.position, LOOKS.c.step).where(LOOKS.c.rollout == key)
    last = connection.execute(mine.order_by(LOOKS.c.position.desc()).limit(1)).one_or_none()
    low, high = 0, last.position + 1 if last is not None else 0
    while low < high:
        middle = (low + high) // 2
        beyond = mine.where(LOOKS.c.position >= middle).order_by(LOOKS.c.position).limit(1)
        if connection.execute(beyond).one().step >= step:
            high = middle
        else:
            low = middle + 1
    return low


def services(connection: sa.Connection) -> tuple[str, ...]:
    """Return the names of all services that ever had a rollout, sorted."""
    query = sa.select(ROLLOUTS.c.service).distinct()
    return tuple(sorted(connection.execute(query).scalars()))


def _rollout(connection: sa.Connection, rollout: str) -> RolloutRow:
    return _rollout_row(_row(connection, rollout))


def _row(connection: sa.Connection, rollout: str) -> sa.Row[tuple[object, ...]]:
    rollout = codec.clean(rollout)
    exact = connection.execute(_OPENED.where(ROLLOUTS.c.id == rollout)).one_or_none()
    if exact is not None:
        return exact
    begins = sa.func.substr(ROLLOUTS.c.id, 1, len(rollout)) == rollout
    query = _OPENED.where(begins).order_by(ROLLOUTS.c.id).limit(_SHOWN)
    found = connection.execute(query).all() if rollout else []
    if len(found) == 1:
        return found[0]
    if found:
        raise RolloutNotFound(
            f"'{rollout}' is the beginning of several rollouts",
            hint="one of: " + ", ".join(row.id for row in found),
        )
    raise RolloutNotFound(
        f"no rollout '{rollout}' is in the ledger", hint="`chimera history` lists them"
    )


def _rollout_row(row: sa.Row[tuple[object, ...]]) -> RolloutRow:
    return RolloutRow(
        rollout=codec.ROLLOUT.decode(row.definition),
        state=codec.STATE.decode(row.state),
        opened_at=codec.from_moment(row.opened_at),
        updated_at=codec.from_moment(row.updated_at),
        live=row.live,
        released=row.released,
        events=row.events,
        looks=row.looks,
        engine=row.engine,
    )


def _event_row(row: sa.Row[tuple[object, ...]]) -> EventRow:
    return EventRow(
        seq=row.seq,
        at=codec.from_moment(row.at),
        event=codec.EVENT.decode(row.event),
        sentence=row.sentence,
        state=codec.STATE.decode(row.state),
        hash=row.hash,
    )


def look_row(row: sa.Row[tuple[object, ...]]) -> LookRow:
    """Return a row of the looks as a value."""
    record = LookRecord(
        generation=row.generation,
        number=row.number,
        step=row.step,
        look=codec.LOOK.decode(row.look),
        reading=None if row.reading is None else codec.READING.decode(row.reading),
        judgement=codec.JUDGEMENT.decode(row.judgement),
    )
    return LookRow(
        position=row.position,
        at=codec.from_moment(row.at),
        query=row.query,
        record=record,
        hash=row.hash,
    )
