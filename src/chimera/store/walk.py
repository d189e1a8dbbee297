"""Walking along one chain and telling what was done to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from chimera.store import chain
from chimera.store.chain import START

Row = Mapping[str, Any]
_PAGE = 1_000

EDITED, DELETED, INSERTED = "edited", "deleted", "inserted"
TRUNCATED, REORDERED = "truncated", "reordered"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first broken row: where it is, what happened to it, and how that shows."""

    table: str
    rollout: str
    position: int
    problem: str
    why: str


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain as it should be: `length` rows, the last with the hash `head`.

    place: the column that numbers the rows. first, start: the place and hash before the first row.
    known: hashes that others vouch for, by place.
    """

    table: sa.Table
    place: str
    fields: tuple[str, ...]
    length: int
    head: str
    rollout: str = ""
    first: int = 0
    start: str = START
    known: Mapping[int, str] = field(default_factory=dict)

    def walk(self, connection: sa.Connection) -> tuple[int, Broken | None]:
        """Return how many rows were checked and the first broken one, if any."""
        rows = connection.execute(self._rows(), execution_options={"yield_per": _PAGE})
        with rows:
            return self._walk(connection, rows)

    def _walk(
        self, connection: sa.Connection, rows: Iterable[sa.Row[Any]]
    ) -> tuple[int, Broken | None]:
        place, prev, before = self.first, self.start, self.start
        for row in rows:
            place += 1
            values = dict(row._mapping)
            if place > self.length:
                why = f"there should be {self.length} rows"
                return place, self._broken(place, INSERTED, why)
            digest = chain.link(values["prev_hash"], values, self.fields)
            linked = values["prev_hash"] == prev and values["hash"] == digest
            if not linked or values[self.place] != place:
                return place, self._diagnose(connection, values, place, prev, before)
            if self.known.get(place, digest) != digest:
                return place, self._broken(place, EDITED, "the journal knows it with another hash")
            prev, before = digest, prev
        return place - self.first, self._end(place, prev)

    def _end(self, place: int, prev: str) -> Broken | None:
        last = max([self.length, *self.known])
        if place < last:
            return self._broken(
                place + 1, TRUNCATED, f"it and what followed, up to {last}, is gone"
            )
        if prev != self.head:
            return self._broken(place, EDITED, "it is not the row that was written last")
        return None

    def _diagnose(
        self,
        connection: sa.Connection,
        row: Row,
        place: int,
        prev: str,
        before: str,
    ) -> Broken:
        """Tell what happened from who follows whom; `prev` is the last sound row's hash."""
        intact = chain.link(row["prev_hash"], row, self.fields) == row["hash"]
        others = self._followers(connection, prev, row)
        if row["prev_hash"] == prev:
            if others:
                return self._broken(place, INSERTED, "two rows follow the one before")
            if intact:
                return self._broken(place, REORDERED, f"it is numbered {row[self.place]}")
            return self._broken(place, EDITED, "its content does not match its hash")
        if others:
            if intact and self._has(connection, row["prev_hash"]):
                return self._broken(place, REORDERED, "another row belongs here")
            return self._broken(place, INSERTED, "another row belongs here")
        if row["prev_hash"] == before and place - 1 > self.first:
            return self._broken(place - 1, INSERTED, "the row after it was written without it")
        if not intact:
            return self._broken(place, EDITED, "its content does not match its hash")
        if row[self.place] == place and self._count(connection) == self.length - self.first:
            return self._broken(place - 1, EDITED, "the row after it was written after another one")
        return self._broken(place, DELETED, "the row after it was written after one that is gone")

    def _rows(self) -> sa.Select[Any]:
        return self._mine(sa.select(self.table)).order_by(self.table.c[self.place])

    def _mine(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query.where(self.table.c.rollout == self.rollout) if self.rollout else query

    def _followers(self, connection: sa.Connection, prev: str, row: Row) -> bool:
        column = self.table.c
        query = sa.select(column[self.place]).where(
            column.prev_hash == prev, column[self.place] != row[self.place]
        )
        return connection.execute(self._mine(query).limit(1)).one_or_none() is not None

    def _has(self, connection: sa.Connection, digest: str) -> bool:
        query = sa.select(self.table.c.hash).where(self.table.c.hash == digest)
        return connection.execute(self._mine(query).limit(1)).one_or_none() is not None

    def _count(self, connection: sa.Connection) -> int:
        query = sa.select(sa.func.count()).select_from(self.table)
        count: int = connection.execute(self._mine(query)).scalar_one()
        return count

    def _broken(self, place: int, problem: str, why: str) -> Broken:
        return Broken(self.table.name, self.rollout, place, problem, why)
