"""The journal: the chain over all rollouts, which knows each one's opening and its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from chimera.core.errors import LedgerError
from chimera.store import chain
from chimera.store.tables import JOURNAL, LEDGER

OPENED, CLOSED, RELEASED, PRUNED = "opened", "closed", "released", "pruned"


@dataclass(slots=True)
class Journal:
    """The journal's end, held for this transaction: no other process can append meanwhile."""

    connection: sa.Connection
    length: int
    head: str

    def note(self, kind: str, at: str, heads: Mapping[str, Any], text: str = "") -> None:
        """Append a line about a rollout. heads: id, events, events_head, looks, looks_head."""
        row = {
            "at": at,
            "kind": kind,
            "rollout": heads["id"],
            "events": heads["events"],
            "events_head": heads["events_head"],
            "looks": heads["looks"],
            "looks_head": heads["looks_head"],
            "note": text,
        }
        digest = chain.link(self.head, row, chain.JOURNAL)
        row |= {"n": self.length + 1, "prev_hash": self.head, "hash": digest}
        self.connection.execute(sa.insert(JOURNAL), row)
        self.length, self.head = self.length + 1, digest
        self.connection.execute(
            sa.update(LEDGER).values(journal=self.length, journal_head=self.head)
        )


def take(connection: sa.Connection) -> Journal:
    """Take the journal. Always before locking a rollout's row, or two processes could deadlock."""
    row = connection.execute(
        sa.select(LEDGER.c.journal, LEDGER.c.journal_head).with_for_update()
    ).one_or_none()
    if row is None:
        raise LedgerError(
            "the ledger has lost its own first row",
            hint="run `chimera audit verify`, then restore a backup",
        )
    return Journal(connection, row.journal, row.journal_head)
