"""What follows from the result of each effect: one small handler per kind of result.

`rollout.py` decides which of them may answer which effect; they need not check that again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from chimera.core import events as e
from chimera.core.effects import RemoveCanary, RemoveOld
from chimera.core.exposure import Exposure
from chimera.core.model import Resource, Verdict
from chimera.core.moves import (
    begin_removal,
    hold,
    later,
    next_step,
    roll_back,
    shift_to,
    stop,
    watch,
)
from chimera.core.plan import GateKind, OnNoData, RolloutPlan
from chimera.core.state import HELD, Phase, State, Transition

MAX_LEASE_LOSSES = 3
MAX_CLEANUP_ATTEMPTS = 8


def prepared(plan: RolloutPlan, state: State, event: e.Prepared) -> Transition:
    """The canary is ready: give it its first traffic, unless a person asked to wait."""
    if state.pause_wanted:
        return stop(state, state.reason)
    return shift_to(plan, state, event.at, step=0)


def shifted(plan: RolloutPlan, state: State, event: e.Shifted) -> Transition:
    """The weight is confirmed: bake it under watch."""
    wanted = plan.steps[state.step].weight
    if event.weight != wanted:
        return _edited(state, expected=f"{wanted} %", observed=f"{event.weight} %")
    exposed = state.exposed_at or (event.at if event.weight else None)
    state = replace(state, weight=event.weight, exposed_at=exposed)
    if state.pause_wanted:
        return hold(state, Phase.PAUSED, state.reason)
    if state.phase in HELD:  # the lease was lost meanwhile
        return hold(state, state.phase, state.reason)
    return watch(plan, state, event.at)


def judged(plan: RolloutPlan, state: State, event: e.Judged) -> Transition:
    """A watch ended: advance, hold or roll back. A hold is ended by a person or by an alarm."""
    judgement = event.judgement
    state = replace(state, judgement=judgement, evidence=event.evidence)
    if judgement.verdict is Verdict.UNHEALTHY:
        return roll_back(replace(state, condemned=True), Phase.ROLLED_BACK, judgement.sentence)
    if state.phase in HELD:  # only a person ends a pause or opens a gate
        return hold(state, state.phase, state.reason)
    if judgement.verdict is Verdict.INCONCLUSIVE:
        if plan.analysis.on_no_data is OnNoData.ROLLBACK:
            return roll_back(state, Phase.ROLLED_BACK, judgement.sentence)
        return hold(state, Phase.PAUSED, judgement.sentence)
    gate = plan.steps[state.step].gate
    if gate is None or state.promote_wanted:
        return next_step(plan, state, event.at)
    state = replace(state, at_gate=True)
    if gate.kind is GateKind.APPROVAL:
        reason = f"waiting for the approval of role {gate.role or 'operator'}"
        return hold(state, Phase.AWAITING_APPROVAL, reason)
    return hold(state, Phase.PAUSED, "paused here by the plan")


def lease_expired(plan: RolloutPlan, state: State, event: e.LeaseExpired) -> Transition:
    """The dead-man's switch acted: go back to the step's weight, unless it happens too often."""
    losses = state.lease_losses + 1
    state = replace(state, lease_losses=losses, weight=0)
    if losses > MAX_LEASE_LOSSES:
        reason = (
            "the controller was away too often: "
            f"the lease on the canary's traffic ran out {losses} times"
        )
        return roll_back(state, Phase.ROLLED_BACK, reason)
    return shift_to(plan, state, event.at, step=state.step)


def foreign_edit(_: RolloutPlan, state: State, event: e.ForeignEdit) -> Transition:
    """Somebody else steers the traffic: stand still and say so."""
    return _edited(state, expected=event.expected, observed=event.observed)


def _edited(state: State, *, expected: str, observed: str) -> Transition:
    reason = f"somebody else changed the routes: expected {expected}, found {observed}"
    return stop(replace(state, foreign=observed or "something else", proven=False), reason)


def failed(_: RolloutPlan, state: State, event: e.Failed) -> Transition:
    """What was wanted will never be: roll back."""
    return roll_back(state, Phase.ROLLED_BACK, event.reason)


def committed(plan: RolloutPlan, state: State, event: e.Committed) -> Transition:
    """The canary is the stable version now: keep the old one warm, then remove it."""
    state = replace(
        state,
        phase=Phase.RETIRING,
        work=None,
        ending=Phase.SUCCEEDED,
        reason="",
        promote_wanted=False,
        promoted_at=event.at,
        deadline_at=None,
        wake_at=later(event.at, plan.scale_down_delay),
        exposure=_exposure(state, event),
    )
    return Transition(state) if plan.scale_down_delay else begin_removal(state, RemoveOld)


def installed(plan: RolloutPlan, state: State, event: e.Committed) -> Transition:
    """The very first version serves: nothing to judge, nothing to remove."""
    state = replace(
        state,
        phase=Phase.SUCCEEDED,
        work=None,
        ending=Phase.SUCCEEDED,
        reason="",
        step=len(plan.steps) - 1,
        weight=100,
        pause_wanted=False,
        promoted_at=event.at,
        ended_at=event.at,
        deadline_at=None,
    )
    return Transition(state)


def restored(_: RolloutPlan, state: State, event: e.Restored) -> Transition:
    """All traffic is on stable: now the canary may go."""
    exposure = _exposure(state, event)
    state = replace(state, weight=0, trouble="", cleanup_attempts=0, exposure=exposure)
    return begin_removal(state, RemoveCanary)


def not_restored(_: RolloutPlan, state: State, event: e.Failed) -> Transition:
    """Traffic could not be given back: try again, for as long as it takes."""
    return Transition(_try_later(state, event.at, event.reason, forever=True))


def removed(plan: RolloutPlan, state: State, event: e.Removed) -> Transition:
    """The version that lost is gone: the end; or something is left: try again later."""
    removed = _union(state.removed, event.removed)
    state = replace(state, work=None, left=event.left, removed=removed, ended_at=event.at)
    if event.cut:
        cut = state.exposure.cut + event.cut
        exposure = replace(state.exposure, cut=cut, drained=plan.drain_timeout)
        state = replace(state, exposure=exposure)
    if event.left or event.reason:
        state = replace(state, phase=Phase.CLEANUP_INCOMPLETE)
        return Transition(_try_later(state, event.at, event.reason))
    ending = state.ending or Phase.ROLLED_BACK
    return Transition(replace(state, phase=ending, wake_at=None, trouble=""))


def not_removed(_: RolloutPlan, state: State, event: e.Failed) -> Transition:
    """The cleanup did not work at all: try again later."""
    state = replace(state, phase=Phase.CLEANUP_INCOMPLETE, ended_at=event.at)
    return Transition(_try_later(state, event.at, event.reason))


def _try_later(state: State, at: datetime, trouble: str, *, forever: bool = False) -> State:
    attempts = state.cleanup_attempts + 1
    # A restore was tried for ever longer before it was given up for this short while.
    pause = timedelta(seconds=2 if forever else min(2 ** min(attempts, 6), 60))
    again = forever or attempts < MAX_CLEANUP_ATTEMPTS
    return replace(
        state,
        work=None,
        trouble=trouble or "something is left",
        cleanup_attempts=attempts,
        wake_at=later(at, pause) if again else None,
    )


def _union(first: tuple[Resource, ...], second: tuple[Resource, ...]) -> tuple[Resource, ...]:
    return tuple({(r.kind, r.id): r for r in (*first, *second)}.values())


def _exposure(state: State, event: e.Committed | e.Restored) -> Exposure:
    lasted = event.at - state.exposed_at if state.exposed_at else timedelta(0)
    lasted = max(lasted, timedelta(0))
    shown = state.step >= 0  # before its first shift no user can have met it
    return Exposure(event.requests, event.errors, lasted, event.unknown if shown else "")
