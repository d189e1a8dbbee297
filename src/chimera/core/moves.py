"""The moves a rollout can make: small steps of the life, shared by results and requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chimera.core.effects import (
    AnyEffect,
    Commit,
    RemoveCanary,
    RemoveOld,
    Restore,
    Shift,
    Watch,
)
from chimera.core.plan import RolloutPlan
from chimera.core.state import HELD, Phase, State, Transition


def later(at: datetime, delay: timedelta) -> datetime:
    """Return `at + delay`, or the end of time."""
    try:
        return at + delay
    except OverflowError:
        return datetime.max.replace(tzinfo=at.tzinfo)


def issue(state: State, effect: type[AnyEffect], **details: Any) -> Transition:
    """Want `effect` now, under a new generation, in place of whatever is under way."""
    generation = state.generation + 1
    wanted = effect(generation=generation, **details)
    return Transition(replace(state, generation=generation, work=wanted), (wanted,))


def shift_to(
    plan: RolloutPlan, state: State, at: datetime, *, step: int, overwrite: bool = False
) -> Transition:
    """Go to a step's weight; a pause or a gate that is in force stays in force."""
    last = step == len(plan.steps) - 1
    going = Phase.PROMOTING if last else Phase.PROGRESSING
    former = state.work
    perhaps = (*former.perhaps, former.weight) if isinstance(former, Shift) else ()
    state = replace(
        state,
        phase=state.phase if state.phase in HELD else going,
        step=step,
        proven=False,
        deadline_at=later(at, plan.progress_deadline),
    )
    return issue(
        state,
        Shift,
        weight=plan.steps[step].weight,
        weight_before=state.weight,
        overwrite=overwrite,
        perhaps=tuple(sorted(set(perhaps))),
    )


def next_step(plan: RolloutPlan, state: State, at: datetime) -> Transition:
    """Advance: to the next step, or to the commit after the last one."""
    state = replace(state, at_gate=False, reason="", pause_wanted=False)
    if state.step + 1 < len(plan.steps):
        return shift_to(plan, replace(state, phase=Phase.PROGRESSING), at, step=state.step + 1)
    if state.weight != plan.steps[-1].weight:  # the lease ran out while it waited at the last gate
        state = replace(state, phase=Phase.PROMOTING, promote_wanted=True)
        return shift_to(plan, state, at, step=state.step)
    deadline = later(at, plan.progress_deadline)
    state = replace(state, phase=Phase.PROMOTING, proven=True, deadline_at=deadline)
    return issue(state, Commit)


def watch(plan: RolloutPlan, state: State, at: datetime) -> Transition:
    """Bake the present step under watch, from the beginning of its interval."""
    step = plan.steps[state.step]
    last = state.step == len(plan.steps) - 1
    longest = step.bake + plan.analysis.no_data_deadline + plan.progress_deadline
    state = replace(
        state,
        phase=Phase.PROMOTING if last else Phase.PROGRESSING,
        at_gate=False,
        reason="",
        deadline_at=later(at, longest),
    )
    return issue(
        state, Watch, step=state.step, weight=state.weight, hold=False, evidence=state.evidence
    )


def hold(state: State, phase: Phase, reason: str) -> Transition:
    """Stay at this weight in `phase`, under watch: an unhealthy canary is still rolled back."""
    state = replace(_stand_still(state, reason), phase=phase)
    return issue(
        state, Watch, step=state.step, weight=state.weight, hold=True, evidence=state.evidence
    )


def stop(state: State, reason: str) -> Transition:
    """Pause with nothing under way: no traffic to watch yet, or somebody else steers it."""
    return Transition(replace(_stand_still(state, reason), phase=Phase.PAUSED, work=None))


def _stand_still(state: State, reason: str) -> State:
    return replace(state, reason=reason, deadline_at=None, pause_wanted=False, promote_wanted=False)


def roll_back(state: State, ending: Phase, reason: str) -> Transition:
    """Return all traffic to stable, then clean up; `ending` is the phase to end in."""
    state = replace(
        state,
        phase=Phase.ROLLING_BACK,
        ending=ending,
        reason=reason,
        trouble="",
        wake_at=None,
        deadline_at=None,
        pause_wanted=False,
        promote_wanted=False,
        at_gate=False,
        foreign="",
        proven=False,
        cleanup_attempts=0,
    )
    return issue(state, Restore)


def begin_removal(state: State, which: type[RemoveOld] | type[RemoveCanary]) -> Transition:
    """Remove the version that lost."""
    return issue(replace(state, wake_at=None), which)


def loser(state: State) -> type[RemoveOld] | type[RemoveCanary]:
    """Return the removal that fits how the rollout ends."""
    return RemoveOld if state.ending is Phase.SUCCEEDED else RemoveCanary
