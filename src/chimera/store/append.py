"""Appending events and looks of many rollouts in one transaction, each to its own chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from chimera.core.errors import ChimeraError, LedgerError, RolloutConflict
from chimera.ports.ledger import Entry, LookRecord
from chimera.store import chain, codec, journal
from chimera.store.tables import EVENTS, LOOKS, ROLLOUTS

Row = dict[str, Any]
_HEAD = (
    "phase",
    "state",
    "updated_at",
    "live",
    "events",
    "events_head",
    "looks",
    "looks_head",
    "look_generation",
    "look_number",
)
_UPDATE = (
    sa.update(ROLLOUTS)
    .where(ROLLOUTS.c.id == sa.bindparam("key"))
    .values({name: sa.bindparam(f"new_{name}") for name in _HEAD})
)


@dataclass(frozen=True, slots=True)
class Events:
    """Events to append, already in text."""

    rollout: str
    rows: tuple[Row, ...]
    over: bool


@dataclass(frozen=True, slots=True)
class OneLook:
    """A look to append, already in text."""

    rollout: str
    row: Row


Item = Events | OneLook


def events_item(rollout: str, entries: Sequence[Entry]) -> Events:
    """Return entries as text; LedgerError if they cannot be."""
    rows = tuple(
        {
            "rollout": codec.name(rollout),
            "seq": codec.whole(entry.seq),
            "at": codec.moment(entry.event.at),
            "kind": entry.event.kind,
            "sentence": codec.clean(entry.sentence),
            "event": codec.EVENT.encode(entry.event),
            "state": codec.STATE.encode(entry.state),
            "phase": entry.state.phase.value,
        }
        for entry in entries
    )
    return Events(rollout, rows, entries[-1].state.over)


def look_item(rollout: str, record: LookRecord) -> OneLook:
    """Return a look as text; LedgerError if it cannot be."""
    reading = record.reading
    return OneLook(
        rollout,
        {
            "rollout": codec.name(rollout),
            "generation": codec.whole(record.generation),
            "number": codec.whole(record.number),
            "step": codec.whole(record.step),
            "at": codec.moment(record.look.at),
            "verdict": record.judgement.verdict.value,
            "query": codec.clean(reading.query) if reading else "",
            "look": codec.LOOK.encode(record.look),
            "reading": codec.READING.encode(reading) if reading else None,
            "judgement": codec.JUDGEMENT.encode(record.judgement),
            "replaces": None,
        },
    )


def append_all(connection: sa.Connection, items: Sequence[Item]) -> list[ChimeraError | None]:
    """Write what can be written; return for each item None, or why it was refused."""
    closes = any(isinstance(item, Events) and item.over for item in items)
    book = journal.take(connection) if closes else None
    batch = _Batch(connection, _lock_heads(connection, {item.rollout for item in items}))
    outcomes: list[ChimeraError | None] = []
    for item in items:
        try:
            batch.add(item)
            outcomes.append(None)
        except ChimeraError as error:
            outcomes.append(error)
    batch.write(book)
    return outcomes


def _lock_heads(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Row]:
    columns = [ROLLOUTS.c[name] for name in ("id", "released", *_HEAD)]
    rows = connection.execute(  # in order of id: two processes lock in the same order
        sa.select(*columns)
        .where(ROLLOUTS.c.id.in_(sorted(ids)))
        .order_by(ROLLOUTS.c.id)
        .with_for_update()
    )
    return {row.id: dict(row._mapping) for row in rows}


@dataclass(slots=True)
class _Batch:
    connection: sa.Connection
    heads: dict[str, Row]
    events: list[Row] = field(default_factory=list)
    looks: list[Row] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    closed: dict[str, str] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        head = self.heads.get(item.rollout)
        if head is None:
            raise LedgerError(
                f"no rollout '{item.rollout}' is in the ledger", hint="it has to be opened first"
            )
        if isinstance(item, Events):
            self._add_events(head, item)
        else:
            self._add_look(head, item.row)

    def _add_events(self, head: Row, item: Events) -> None:
        new = self._new_rows(head, item)
        if not new:
            return
        if head["released"] and head["events"] == 0:
            raise RolloutConflict(
                f"rollout '{item.rollout}' was made to let go of its service before it began: "
                f"{head['released']}",
                rollout=item.rollout,
                hint="start a new rollout",
            )
        for row in new:
            phase = row.pop("phase")
            digest = chain.link(head["events_head"], row, chain.EVENT)
            self.events.append(row | {"prev_hash": head["events_head"], "hash": digest})
            head |= {"events": row["seq"], "events_head": digest, "phase": phase}
            head |= {"state": row["state"], "updated_at": row["at"]}
        self.changed.add(item.rollout)
        if item.over and head["live"]:
            head["live"] = False
            self.closed[item.rollout] = head["updated_at"]

    def _new_rows(self, head: Row, item: Events) -> list[Row]:
        """Return what is not in the ledger yet; LedgerError on a gap or another content."""
        done = head["events"]
        first = item.rows[0]["seq"]
        if [row["seq"] for row in item.rows] != list(range(first, first + len(item.rows))):
            raise LedgerError(f"the events given for rollout '{item.rollout}' are not in sequence")
        if not 1 <= first <= done + 1:
            raise LedgerError(
                f"event {first} of rollout '{item.rollout}' cannot follow event {done}",
                hint="events are numbered from 1 without a gap",
            )
        old = [row for row in item.rows if row["seq"] <= done]
        if old:
            self._compare(item.rollout, old)
        return [dict(row) for row in item.rows if row["seq"] > done]

    def _compare(self, rollout: str, rows: list[Row]) -> None:
        between = EVENTS.c.seq.between(rows[0]["seq"], rows[-1]["seq"])
        found = self.connection.execute(
            sa.select(EVENTS).where(EVENTS.c.rollout == rollout, between)
        )
        stored = {row.seq: row._mapping for row in found}
        stored |= {row["seq"]: row for row in self.events if row["rollout"] == rollout}
        for row in rows:
            if row["seq"] not in stored or not _same_event(row, stored[row["seq"]]):
                raise LedgerError(
                    f"event {row['seq']} of rollout '{rollout}' is already in the ledger "
                    "with another content",
                    hint="history is not rewritten; `chimera logs` shows what was recorded",
                )

    def _add_look(self, head: Row, row: Row) -> None:
        latest = (head["look_generation"], head["look_number"])
        if (row["generation"], row["number"]) > latest:
            head |= {"look_generation": row["generation"], "look_number": row["number"]}
        else:
            former = self._former_look(row)
            if former is not None and _same_look(row, former):
                return
            row = row | {"replaces": former["position"] if former else None}
        digest = chain.link(head["looks_head"], row, chain.LOOK)
        place = {"position": head["looks"] + 1, "prev_hash": head["looks_head"], "hash": digest}
        self.looks.append(row | place)
        head |= {"looks": head["looks"] + 1, "looks_head": digest}
        self.changed.add(row["rollout"])

    def _former_look(self, row: Row) -> Row | None:
        key = ("rollout", "generation", "number")
        for pending in reversed(self.looks):
            if all(pending[name] == row[name] for name in key):
                return pending
        found = self.connection.execute(
            sa.select(LOOKS)
            .where(*(LOOKS.c[name] == row[name] for name in key))
            .order_by(LOOKS.c.position.desc())
            .limit(1)
        ).one_or_none()
        return dict(found._mapping) if found else None

    def write(self, book: journal.Journal | None) -> None:
        if self.events:
            self.connection.execute(sa.insert(EVENTS), self.events)
        if self.looks:
            self.connection.execute(sa.insert(LOOKS), self.looks)
        if self.changed:
            updates = [
                {"key": rollout} | {f"new_{name}": self.heads[rollout][name] for name in _HEAD}
                for rollout in sorted(self.changed)
            ]
            self.connection.execute(_UPDATE, updates)
        for rollout, at in self.closed.items():
            assert book is not None  # noqa: S101 - taken because an item closes its rollout
            book.note(journal.CLOSED, at, self.heads[rollout])


def _same_event(new: Row, old: Any) -> bool:
    if new["sentence"] != old["sentence"]:
        return False
    if (new["event"], new["state"]) == (old["event"], old["state"]):
        return True
    # A newer Chimera may write the same value with a field more.
    return codec.EVENT.decode(new["event"]) == codec.EVENT.decode(
        old["event"]
    ) and codec.STATE.decode(new["state"]) == codec.STATE.decode(old["state"])


def _same_look(new: Row, old: Row) -> bool:
    return all(new[name] == old[name] for name in chain.LOOK if name != "replaces")
