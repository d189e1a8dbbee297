"""Where a rollout stands: everything the state machine remembers between two events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chimera.core.effects import AnyEffect, Effect
from chimera.core.exposure import Exposure
from chimera.core.model import Judgement, Resource


class Phase(StrEnum):
    """The life of a rollout, as a person sees it."""

    PENDING = "pending"
    PREPARING = "preparing"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    AWAITING_APPROVAL = "awaiting_approval"
    PROMOTING = "promoting"
    RETIRING = "retiring"
    ROLLING_BACK = "rolling_back"
    CLEANUP_INCOMPLETE = "cleanup_incomplete"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"

    @property
    def words(self) -> str:
        """The phase as it reads in a sentence."""
        return self.value.replace("_", " ")

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself (an incomplete cleanup is retried for a while)."""
        return self in {Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ABORTED}


BEFORE_COMMIT = frozenset(
    {
        Phase.PENDING,
        Phase.PREPARING,
        Phase.PROGRESSING,
        Phase.PAUSED,
        Phase.AWAITING_APPROVAL,
        Phase.PROMOTING,
    }
)

HELD = frozenset({Phase.PAUSED, Phase.AWAITING_APPROVAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One rollout's state.

    step: index into the plan's steps, -1 before the first. weight: the last one confirmed, in
    percent. work: the effect under way. ending: the final phase decided on, None while open.
    reason: why it pauses, waits or ends. trouble: why the last restore or cleanup did not finish.
    wake_at: when TimeReached is wanted for a wait; deadline_at: when for lack of progress.
    condemned: a check found the canary unhealthy. proven: it held 100 % for a healthy interval.
    pause_wanted: pause as soon as the effect under way is done. promote_wanted: pass the gates that
    are left. at_gate: the step's bake is done.
    skipped: the steps that a promotion passed by before their bake was healthy, as indices.
    foreign: what somebody else made of the routes. evidence: the judge's memory, opaque.
    """

    phase: Phase = Phase.PENDING
    step: int = -1
    weight: int = 0
    generation: int = 0
    work: Effect | None = None
    ending: Phase | None = None
    reason: str = ""
    trouble: str = ""
    wake_at: datetime | None = None
    deadline_at: datetime | None = None
    condemned: bool = False
    proven: bool = False
    pause_wanted: bool = False
    promote_wanted: bool = False
    at_gate: bool = False
    skipped: tuple[int, ...] = ()
    foreign: str = ""
    evidence: str = ""
    judgement: Judgement | None = None
    lease_losses: int = 0
    cleanup_attempts: int = 0
    left: tuple[Resource, ...] = ()
    removed: tuple[Resource, ...] = ()
    started_at: datetime | None = None
    exposed_at: datetime | None = None
    promoted_at: datetime | None = None
    ended_at: datetime | None = None
    exposure: Exposure = field(default_factory=Exposure)

    @property
    def words(self) -> str:
        """Where it stands, as it reads in a sentence."""
        if self.phase is not Phase.RETIRING:
            return self.phase.words
        if self.work is None:
            return "promoted, old version warm"
        return "promoted, removing the old version"

    @property
    def next_wake(self) -> datetime | None:
        """The earliest moment at which TimeReached is wanted."""
        return min((t for t in (self.wake_at, self.deadline_at) if t is not None), default=None)

    @property
    def over(self) -> bool:
        """Whether the rollout needs nothing more from the engine."""
        return self.work is None and (
            self.phase.final or (self.phase is Phase.CLEANUP_INCOMPLETE and self.wake_at is None)
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """What an event led to.

    effects: what to do now. answer: to a request, in words; refused: it was not done. ignored: the
    event came too late to matter, or did not fit, and changed nothing.
    """

    state: State
    effects: tuple[AnyEffect, ...] = ()
    answer: str = ""
    refused: bool = False
    ignored: bool = False
