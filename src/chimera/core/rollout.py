"""The whole life of a rollout: `advance(plan, state, event) -> Transition`.

    pending -> preparing -> progressing (step i: shift, confirm, bake under watch)
                                <-> paused / awaiting_approval
            -> promoting (100 % for a whole healthy interval, then the commit)
            -> retiring (the old version is warm, then drained and removed) -> succeeded
    and from anywhere before the commit, or from retiring while the old version is warm:
            -> rolling_back (traffic first, then cleanup) -> rolled_back | aborted
    A service's very first version has no stable one beside it: pending -> preparing -> succeeded.
    A cleanup that cannot finish is `cleanup_incomplete` and is retried; it never claims success.

Pure: the engine feeds events and carries out effects. `_ANSWERS` is the map: the work under way,
what may answer it, and what follows (`results.py`). Requests are in `requests.py`, the rules that
every transition must keep in `invariants.py`: one that breaks them becomes a rollback.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeGuard

from chimera.core import events as e
from chimera.core import results
from chimera.core.effects import (
    AnyEffect,
    Commit,
    Install,
    Prepare,
    RemoveCanary,
    RemoveOld,
    Restore,
    Shift,
    Watch,
)
from chimera.core.invariants import violations
from chimera.core.model import Verdict
from chimera.core.moves import begin_removal, issue, later, loser, roll_back
from chimera.core.plan import RolloutPlan
from chimera.core.requests import answer_request
from chimera.core.state import BEFORE_COMMIT, Phase, State, Transition
from chimera.core.words import duration

_Handler = Callable[[RolloutPlan, State, Any], Transition]
_ANSWERS: dict[type[AnyEffect], dict[type[e.AnyResult], _Handler]] = {
    Prepare: {e.Prepared: results.prepared, e.Failed: results.failed},
    Install: {e.Committed: results.installed, e.Failed: results.failed},
    Shift: {
        e.Shifted: results.shifted,
        e.LeaseExpired: results.lease_expired,
        e.ForeignEdit: results.foreign_edit,
        e.Failed: results.failed,
    },
    Watch: {
        e.Judged: results.judged,
        e.LeaseExpired: results.lease_expired,
        e.ForeignEdit: results.foreign_edit,
        e.Failed: results.failed,
    },
    Commit: {
        e.Committed: results.committed,
        e.ForeignEdit: results.foreign_edit,
        e.Failed: results.failed,
    },
    Restore: {e.Restored: results.restored, e.Failed: results.not_restored},
    RemoveCanary: {e.Removed: results.removed, e.Failed: results.not_removed},
    RemoveOld: {e.Removed: results.removed, e.Failed: results.not_removed},
}


def advance(plan: RolloutPlan, state: State, event: e.AnyEvent) -> Transition:
    """Return what `event` makes of `state`. Total: every event is answered in every state."""
    after = _advance(plan, state, event)
    broken = violations(plan, state, after.state)
    if not broken:
        return after
    reason = f"internal error, {{}} to be safe: {'; '.join(broken)}"
    if state.phase in BEFORE_COMMIT:
        return roll_back(state, Phase.ROLLED_BACK, reason.format("rolled back"))
    return Transition(state, answer=reason.format("nothing was done"), refused=True, ignored=True)


def _advance(plan: RolloutPlan, state: State, event: e.AnyEvent) -> Transition:
    if isinstance(event, e.AnyRequest):
        return answer_request(plan, state, event)
    if state.phase.final:
        return Transition(state, ignored=True)
    if isinstance(event, e.Started):
        return _started(plan, state, event.at)
    if isinstance(event, e.TimeReached):
        return _time_reached(plan, state, event.at)
    if state.work is not None and event.generation == state.generation:
        answers = _ANSWERS[type(state.work)]
        if type(event) in answers:
            return answers[type(event)](plan, state, event)
    elif _is_late_alarm(event, state):
        return results.judged(plan, state, event)
    return Transition(state, ignored=True)


def _is_late_alarm(event: e.AnyResult, state: State) -> TypeGuard[e.Judged]:
    """Tell an unhealthy verdict that a newer wish has overtaken: the canary is no better for it."""
    return (
        isinstance(event, e.Judged)
        and event.judgement.verdict is Verdict.UNHEALTHY
        and state.phase in BEFORE_COMMIT
        and 0 < event.generation < state.generation
    )


def _started(plan: RolloutPlan, state: State, at: datetime) -> Transition:
    if state.phase is not Phase.PENDING:
        return Transition(state, ignored=True)
    deadline = later(at, plan.progress_deadline)
    state = replace(state, phase=Phase.PREPARING, started_at=at, deadline_at=deadline)
    return issue(state, Install if plan.install else Prepare)


def _time_reached(plan: RolloutPlan, state: State, at: datetime) -> Transition:
    if state.wake_at is not None and at >= state.wake_at and state.work is None:
        if state.phase is Phase.ROLLING_BACK:
            return issue(replace(state, wake_at=None), Restore)
        return begin_removal(state, loser(state))
    if state.deadline_at is not None and at >= state.deadline_at and state.phase in BEFORE_COMMIT:
        reason = f"no progress within {duration(plan.progress_deadline)} while {state.phase.words}"
        return roll_back(state, Phase.ROLLED_BACK, reason)
    return Transition(state, ignored=True)
