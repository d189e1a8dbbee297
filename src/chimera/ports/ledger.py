"""Writing down every look and every event, for people and for proof."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chimera.core.events import AnyEvent
from chimera.core.model import Judgement, Look, Reading
from chimera.core.plan import Rollout
from chimera.core.state import State


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a rollout's history: its number from 1, what happened, the sentence for it."""

    seq: int
    event: AnyEvent
    sentence: str
    state: State


@dataclass(frozen=True, slots=True)
class LookRecord:
    """One look of a watch: the raw reading, what was made of it, and the judgement.

    generation, number: which watch, and which of its looks from 0; a repeat after a crash replaces.
    """

    generation: int
    number: int
    step: int
    look: Look
    reading: Reading | None
    judgement: Judgement


class Ledger(Protocol):
    """Append-only history. The same entry again is a no-op; LedgerError if it cannot write."""

    async def open_rollout(self, rollout: Rollout, at: datetime) -> None:
        """Record a rollout's definition; RolloutConflict if another one holds the service."""

    async def append(self, rollout: str, entries: tuple[Entry, ...]) -> None:
        """Append events and keep the rollout's present state beside them, in one transaction."""

    async def append_look(self, rollout: str, record: LookRecord) -> None:
        """Append one look."""

    def held(self, service: str, holder: str) -> AbstractAsyncContextManager[None]:
        """Keep rollouts of a service from beginning; RolloutConflict if one is under way.

        For maintenance. The same holder may hold it again, as after a crash.
        """

    async def last_look(self, rollout: str) -> LookRecord | None:
        """Return the look that was appended last, None if there is none."""
