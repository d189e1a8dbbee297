"""What travels between client, workflow and activities through Temporal, as JSON.

Histories of rollouts in flight hold these forms: add fields with defaults, never rename or remove
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter

from chimera.core.effects import AnyEffect, Effect
from chimera.core.events import Request, Result
from chimera.core.model import Fence, Met, Reading, Split
from chimera.core.plan import Rollout
from chimera.ports.ledger import Entry

CONVERTER = pydantic_data_converter


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a workflow begins. heartbeat: a silent activity is taken for dead after this long.

    watch_heartbeat: the same for a watch, as far as its lease allows it.
    """

    rollout: Rollout
    heartbeat: timedelta = timedelta(seconds=3)
    watch_heartbeat: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One effect to carry out. step, weight, evidence: where the rollout stands now.

    failures: how often a restore was given up for a while before this one.
    """

    rollout: Rollout
    effect: Effect
    step: int = -1
    weight: int = 0
    evidence: str = ""
    failures: int = 0

    @property
    def fence(self) -> Fence:
        """The order of this effect's writes."""
        return Fence(self.rollout.id, self.effect.generation)

    def split(self, weight: int) -> Split:
        """Return the split that gives the canary `weight` percent."""
        return Split(self.rollout.stable.name, self.rollout.canary.name, weight)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an effect."""

    result: Result


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asks of a rollout."""

    request: Request


@dataclass(frozen=True, slots=True)
class Record:
    """Entries for the ledger, in order."""

    rollout: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rollout said to a request. refused: it was not done, and the text says why."""

    text: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchMemory:
    """What a watch leaves in its heartbeat, so that another worker goes on where it was.

    watched_s: how long it has watched; baked_s: how much of that with usable looks at requests of
    this watch. since: when it began. judge: the judge's dump. reading: what the next look is
    compared with. met: what the rollout's looks have seen of the canary's users; None: not known.
    """

    watched_s: float = 0.0
    baked_s: float = 0.0
    looks: int = 0
    judge: str = ""
    reading: Reading | None = None
    since: datetime | None = None
    met: Met | None = None


def describe(effect: AnyEffect) -> dict[str, Any]:
    """Return an effect as fields for a log line."""
    return {"effect": effect.kind, "generation": effect.generation}
