"""Proving that the ledger is as it was written: every chain, and what is derived from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from chimera.store import chain, journal
from chimera.store.access_tables import TRAIL, TRAIL_END
from chimera.store.rows import Verification
from chimera.store.tables import EVENTS, JOURNAL, LEDGER, LOOKS, ROLLOUTS
from chimera.store.walk import DELETED, EDITED, INSERTED, TRUNCATED, Broken, Chain

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Known:
    """What the journal says about one rollout: its lines by kind, the last of each."""

    lines: dict[str, Row] = field(default_factory=dict)

    def known(self, chain_name: str) -> dict[int, str]:
        """Return the chain's hashes that the journal vouches for, by place, without pruned ones."""
        pruned = self.pruned[0] if chain_name == "looks" else 0
        found = {line[chain_name]: line[f"{chain_name}_head"] for line in self.lines.values()}
        return {place: digest for place, digest in found.items() if place > pruned}

    @property
    def pruned(self) -> tuple[int, str]:
        """How many looks were pruned, and the hash of the last of them."""
        line = self.lines.get(journal.PRUNED) or self.lines[journal.OPENED]
        return line["looks"], line["looks_head"]


def verifying(known_head: str) -> Callable[[sa.Connection], Verification]:
    """Return the work that checks every row. known_head: a former `Verification.head`, or ""."""

    def work(connection: sa.Connection) -> Verification:
        check = _Check(connection, known_head)
        broken = check.run()
        if broken is None:
            return Verification(ok=True, rows=check.rows, head=check.head)
        where = f"row {broken.position} of {broken.table}"
        of = f" of rollout {broken.rollout}" if broken.rollout else ""
        return Verification(
            ok=False,
            rows=check.rows,
            head=check.head,
            table=broken.table,
            rollout=broken.rollout,
            position=broken.position,
            problem=broken.problem,
            sentence=f"{where}{of} was {broken.problem}: {broken.why}",
        )

    return work


class _Check:
    def __init__(self, connection: sa.Connection, known_head: str) -> None:
        self.rows = 0
        self.head = known_head
        self._connection = connection
        self._known_head = known_head

    def run(self) -> Broken | None:
        broken = self._journal()
        if broken is not None:
            return broken
        lines = self._lines()
        found = self._connection.execute(sa.select(ROLLOUTS).order_by(ROLLOUTS.c.opening)).all()
        for row in found:
            broken = self._rollout(dict(row._mapping), lines.pop(row.id, None))
            if broken is not None:
                return broken
        for rollout, known in lines.items():
            place = known.lines[journal.OPENED]["n"]
            return Broken("rollouts", rollout, place, DELETED, "the journal knows its opening")
        return self._strangers() or self._trail()

    def _trail(self) -> Broken | None:
        end = self._connection.execute(sa.select(TRAIL_END)).one_or_none()
        if end is None:
            return Broken("trail_end", "", 1, DELETED, "it counts the audit trail")
        return self._walk(Chain(TRAIL, "n", chain.TRAIL, end.length, end.head))

    def _journal(self) -> Broken | None:
        ledger = self._connection.execute(sa.select(LEDGER)).one_or_none()
        if ledger is None:
            return Broken("ledger", "", 1, DELETED, "it counts the journal")
        self.head = ledger.journal_head
        whole = Chain(JOURNAL, "n", chain.JOURNAL, ledger.journal, ledger.journal_head)
        broken = self._walk(whole)
        if broken is not None or not self._known_head:
            return broken
        query = sa.select(JOURNAL.c.n).where(JOURNAL.c.hash == self._known_head)
        if self._connection.execute(query).one_or_none() is None:
            why = "the hash that was noted before is not in it: it was cut or written anew"
            return Broken("journal", "", ledger.journal, TRUNCATED, why)
        return None

    def _walk(self, one: Chain) -> Broken | None:
        rows, broken = one.walk(self._connection)
        self.rows += rows
        return broken

    def _lines(self) -> dict[str, _Known]:
        lines: dict[str, _Known] = {}
        for row in self._connection.execute(sa.select(JOURNAL).order_by(JOURNAL.c.n)):
            lines.setdefault(row.rollout, _Known()).lines[row.kind] = dict(row._mapping)
        return lines

    def _rollout(self, row: Row, known: _Known | None) -> Broken | None:
        self.rows += 1
        if known is None:
            why = "the journal does not know its opening"
            return Broken("rollouts", row["id"], row["opening"], INSERTED, why)
        wrong = _wrong_definition(row, known.lines[journal.OPENED])
        if wrong:
            return Broken("rollouts", row["id"], row["opening"], EDITED, f"{wrong} is another one")
        pruned, start = known.pruned
        for one in (
            Chain(
                EVENTS,
                "seq",
                chain.EVENT,
                row["events"],
                row["events_head"],
                rollout=row["id"],
                start=row["hash"],
                known=known.known("events"),
            ),
            Chain(
                LOOKS,
                "position",
                chain.LOOK,
                row["looks"],
                row["looks_head"],
                rollout=row["id"],
                first=pruned,
                start=start,
                known=known.known("looks"),
            ),
        ):
            broken = self._walk(one)
            if broken is not None:
                return broken
        wrong = self._wrong_standing(row, known)
        if wrong:
            why = f"its {wrong} does not follow from its history"
            return Broken("rollouts", row["id"], row["opening"], EDITED, why)
        return None

    def _wrong_standing(self, row: Row, known: _Known) -> str:
        """Return the first column that its events and the journal contradict; "" if none does."""
        last = self._connection.execute(
            sa.select(EVENTS.c.state, EVENTS.c.at)
            .where(EVENTS.c.rollout == row["id"])
            .order_by(EVENTS.c.seq.desc())
            .limit(1)
        ).one_or_none()
        released = known.lines.get(journal.RELEASED)
        should = {
            "released": released["note"] if released else "",
            "live": not (released or journal.CLOSED in known.lines),
            "updated_at": last.at if last else row["opened_at"],
            "state": last.state if last else row["state"],
            "phase": _phase(last.state) if last else "pending",
        }
        return next((name for name, value in should.items() if row[name] != value), "")

    def _strangers(self) -> Broken | None:
        for table, place in ((EVENTS, "seq"), (LOOKS, "position")):
            known = sa.select(ROLLOUTS.c.id)
            query = sa.select(table.c.rollout, table.c[place]).where(table.c.rollout.not_in(known))
            row = self._connection.execute(query.limit(1)).one_or_none()
            if row is not None:
                return Broken(table.name, row[0], row[1], INSERTED, "there is no such rollout")
        return None


def _wrong_definition(row: Row, opened: Row) -> str:
    if chain.link(chain.START, row, chain.ROLLOUT) != opened["events_head"]:
        return "its definition"
    if row["hash"] != opened["events_head"]:
        return "its hash"
    return "" if row["opening"] == opened["n"] else "its number"


def _phase(state: str) -> object:
    return json.loads(state)["phase"]
