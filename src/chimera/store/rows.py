"""What the ledger answers: whole typed values, never raw columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chimera.core.events import AnyEvent
from chimera.core.model import Finding, Verdict
from chimera.core.plan import Rollout
from chimera.core.state import Phase, State
from chimera.ports.ledger import LookRecord


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A rollout: its definition and where it stands. live: it holds its service.

    events, looks: how many were ever written. released: why it had to let go of its service, or "".
    engine: the name of what drives it, or "".
    """

    rollout: Rollout
    state: State
    opened_at: datetime
    updated_at: datetime
    live: bool
    released: str = ""
    events: int = 0
    looks: int = 0
    engine: str = ""

    @property
    def id(self) -> str:
        """The rollout's id."""
        return self.rollout.id

    @property
    def service(self) -> str:
        """The service's name."""
        return self.rollout.service.name

    @property
    def phase(self) -> Phase:
        """The rollout's phase."""
        return self.state.phase


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of a rollout's history and the state that it led to; hash: its link in the chain."""

    seq: int
    at: datetime
    event: AnyEvent
    sentence: str
    state: State
    hash: str


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look, replayable. position: its place among the rollout's looks, from 1; pages by it."""

    position: int
    at: datetime
    query: str
    record: LookRecord
    hash: str

    @property
    def verdict(self) -> Verdict:
        """What the look amounted to."""
        return self.record.judgement.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Each check's values, n, baseline, rule and verdict."""
        return self.record.judgement.findings


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. rows: how many were checked. table, rollout, position: a broken one.

    problem: edited, deleted, inserted, truncated or reordered; "" if ok. head: the journal's last
    hash; noted elsewhere and given to a later `verify`, it reveals a ledger rewritten as a whole.
    """

    ok: bool
    rows: int
    head: str
    table: str = ""
    rollout: str = ""
    position: int = 0
    problem: str = ""
    sentence: str = "every row is as it was written"
