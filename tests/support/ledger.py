"""A ledger in memory that can be taken down, and that checks what every ledger is promised."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from chimera.core.errors import LedgerError
from chimera.core.plan import Rollout
from chimera.ports.ledger import Entry, LookRecord


@dataclass
class MemoryLedger:
    """entries: by rollout. looks: by rollout and (generation, number). down: why not now."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    looks: dict[str, dict[tuple[int, int], LookRecord]] = field(default_factory=dict)
    down: str = ""
    refused: int = 0

    async def open_rollout(self, rollout: Rollout, at: datetime) -> None:
        self._up()
        self.entries.setdefault(rollout.id, [])

    async def append(self, rollout: str, entries: tuple[Entry, ...]) -> None:
        self._up()
        history = self.entries.setdefault(rollout, [])
        for entry in entries:
            if entry.seq <= len(history):
                assert history[entry.seq - 1] == entry, (
                    "an entry was written again, but another one"
                )
            else:
                assert entry.seq == len(history) + 1, "an entry was left out"
                history.append(entry)

    async def append_look(self, rollout: str, record: LookRecord) -> None:
        self._up()
        self.looks.setdefault(rollout, {})[record.generation, record.number] = record

    def held(self, service: str, holder: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def last_look(self, rollout: str) -> LookRecord | None:
        self._up()
        return next(reversed(self.looks.get(rollout, {}).values()), None)

    def kinds(self, rollout: str) -> list[str]:
        """The kinds of the rollout's events, in order."""
        return [entry.event.kind for entry in self.entries.get(rollout, [])]

    def _up(self) -> None:
        if self.down:
            self.refused += 1
            raise LedgerError(self.down)
