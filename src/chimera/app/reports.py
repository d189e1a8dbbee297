"""What the operations answer: plain values that every door renders in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chimera.core.analysis.outlook import Outlook
from chimera.core.analysis.trace import EvidenceSeries
from chimera.core.model import Change, Judgement, Look, Resource
from chimera.core.plan import Rollout, RolloutPlan
from chimera.core.state import Phase, State


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What `deploy` would do. first: the service does not run yet: nothing to compare with.

    rollout: as it would be started. changes: each write, in order. notes: the defaults that apply
    and what to know, one sentence each. unchanged: this revision is the stable one already.
    outlook: what the plan can see at the service's traffic, None if that was not asked.
    """

    rollout: Rollout
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    first: bool = False
    unchanged: bool = False
    outlook: Outlook | None = None


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout as people see it. headline: what goes on now or how it ended, in one sentence.

    unattended: what it means that nobody drives this one although it is not over, or "".
    elsewhere: who drives it, if it is not this Chimera, or "". engine: the name of what drives it.
    """

    rollout: Rollout
    state: State
    opened_at: datetime
    updated_at: datetime
    headline: str
    unattended: str = ""
    engine: str = ""
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a rollout's history."""

    seq: int
    at: datetime
    kind: str
    phase: Phase
    weight: int
    sentence: str


@dataclass(frozen=True, slots=True)
class LookView:
    """One look of a rollout: number from 1 over the whole rollout."""

    number: int
    step: int
    query: str
    look: Look
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service that Chimera runs or has deployed. live: the rollout that holds it, or ""."""

    name: str
    platform: str
    stable: str
    live: str
    last: RolloutView | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to. accepted: it was done, or was so already; else text says why."""

    text: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """What `gc` found, resources that nobody needs, and what it removed of them.

    unseen: what could not be looked at, a sentence each. elsewhere: what is left to another
    controller, likewise.
    """

    found: tuple[Resource, ...]
    removed: tuple[Resource, ...] = ()
    left: tuple[Resource, ...] = ()
    unseen: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded rollout judged again under another plan.

    before, now: what came of it, in a sentence each. evidence_before, evidence: over time, under
    the recorded plan and under `plan`; both have a point per look.
    """

    rollout: RolloutView
    plan: RolloutPlan
    looks: int
    verdicts: tuple[tuple[LookView, Judgement], ...]
    before: str
    now: str
    differs: bool
    evidence_before: EvidenceSeries
    evidence: EvidenceSeries


@dataclass(frozen=True, slots=True)
class Report:
    """A rollout from its beginning until `made_at`: what was decided when, and on what evidence.

    made_by: the program and its version.
    """

    rollout: RolloutView
    lines: tuple[Line, ...]
    looks: tuple[LookView, ...]
    made_at: datetime
    made_by: str


@dataclass(frozen=True, slots=True)
class Measures:
    """What there is to monitor.

    live: each live rollout, how many looks it had, and the last one. endings: of those that are
    over, (service, phase, how many). controller: one runs on this machine.
    """

    live: tuple[tuple[RolloutView, int, LookView | None], ...]
    endings: tuple[tuple[str, str, int], ...]
    controller: bool
