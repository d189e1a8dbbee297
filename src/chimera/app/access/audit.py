"""The audit trail as the doors see it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from chimera.app.access.reports import Actor, Entry
from chimera.store.trail import Trail, TrailRow

log = logging.getLogger(__name__)
_LONGEST = 500
_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Give a list to which each action is added that is noted inside."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


class Audit:
    """Writes down who did what, when, from where, and how it ended."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    async def note(
        self, by: Actor, action: str, target: str = "", *, outcome: str = "done", detail: str = ""
    ) -> None:
        """Append an entry. outcome: "done", "refused" or "failed"; never put a secret into it."""
        row = TrailRow(
            n=0,
            at=datetime.now(UTC),
            who=by.name[:_LONGEST],
            action=action,
            target=target[:_LONGEST],
            source=by.source,
            outcome=outcome,
            detail=detail[:_LONGEST],
        )
        await self._trail.append(row)
        heard = _heard.get()
        if heard is not None:
            heard.append(action)
        fields = {"who": row.who, "action": action, "target": row.target, "outcome": outcome}
        log.info("access.noted", extra=fields)

    async def entries(self, *, before: int = 0, limit: int = 100) -> Sequence[Entry]:
        """Return entries, the newest first; before: only those with a smaller number."""
        return [
            Entry(
                who=row.who,
                action=row.action,
                target=row.target,
                source=row.source,
                outcome=row.outcome,
                detail=row.detail,
                at=row.at,
                n=row.n,
            )
            for row in await self._trail.entries(before=before, limit=limit)
        ]
