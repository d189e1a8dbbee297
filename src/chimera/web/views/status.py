"""A rollout in a row of a list: what, from which version to which, how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chimera.app.reports import RolloutView
from chimera.core.decision import decision
from chimera.core.state import Phase, State

_KINDS = {
    Phase.PAUSED: ("warn", "pause"),
    Phase.AWAITING_APPROVAL: ("warn", "person"),
    Phase.RETIRING: ("ok", "check"),
    Phase.SUCCEEDED: ("ok", "check"),
    Phase.ROLLING_BACK: ("bad", "back"),
    Phase.ROLLED_BACK: ("bad", "back"),
    Phase.CLEANUP_INCOMPLETE: ("bad", "alert"),
    Phase.ABORTED: ("warn", "cross"),
}
_STILL = frozenset({Phase.RETIRING, Phase.CLEANUP_INCOMPLETE})


@dataclass(frozen=True, slots=True)
class Status:
    """A badge. kind: its colour; sign: its icon, for colour never stands alone."""

    text: str
    kind: str
    sign: str


@dataclass(frozen=True, slots=True)
class Row:
    """One rollout of a list. stable: "" for a first installation. took: None while it goes on."""

    id: str
    service: str
    stable: str
    canary: str
    status: Status
    title: str
    numbers: str
    next: str
    weight: int
    moving: bool
    opened_at: datetime
    took: timedelta | None
    by: str
    warning: str


def status_of(view: RolloutView) -> Status:
    """Return the badge of a rollout."""
    state = view.state
    kind, sign = _KINDS.get(state.phase, ("live", "play"))
    if view.unattended and not state.over:
        return Status(f"{state.words}, no controller", "warn", "alert")
    return Status(state.words.capitalize(), kind, sign)


def row_of(view: RolloutView) -> Row:
    """Return a rollout as a row."""
    rollout, state = view.rollout, view.state
    said = decision(rollout, state, None)
    return Row(
        id=rollout.id,
        service=rollout.service.name,
        stable="" if rollout.plan.install else rollout.stable.name,
        canary=rollout.canary.name,
        status=status_of(view),
        title=said.title,
        numbers=said.numbers,
        next=said.next,
        weight=state.weight,
        moving=_moving(state),
        opened_at=view.opened_at,
        took=state.ended_at - view.opened_at if state.ended_at else None,
        by=rollout.started_by,
        warning=view.unattended or view.elsewhere,
    )


def _moving(state: State) -> bool:
    """Whether its traffic is split, or may be soon."""
    return not state.phase.final and state.phase not in _STILL
