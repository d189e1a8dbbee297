"""The step track: what is done, where the rollout stands, what is next, what was never reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chimera.core.effects import Shift, Watch
from chimera.core.plan import GateKind, RolloutPlan, Step
from chimera.core.state import HELD, Phase, State
from chimera.core.words import duration

_ENDED_BADLY = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})


class Mark(StrEnum):
    """What became of a step, or will. HELD: it waits for a person, or for a controller."""

    DONE = "done"
    NOW = "now"
    HELD = "held"
    NEXT = "next"
    SKIPPED = "skipped"
    NEVER = "never"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepMark:
    """One step of the track. words: all that is to be said of it, with its weight."""

    weight: int
    mark: Mark
    words: str
    bake: timedelta


def track(
    plan: RolloutPlan, state: State, now: datetime, *, stopped: bool = False
) -> tuple[StepMark, ...]:
    """Return a mark per step; () for a first installation. stopped: nobody drives the rollout."""
    if plan.install:
        return ()
    marks = []
    for index, step in enumerate(plan.steps):
        mark = _mark(state, index, stopped=stopped)
        words = _words(plan, state, step, mark, now)
        marks.append(StepMark(step.weight, mark, words, step.bake))
    return tuple(marks)


def _mark(state: State, index: int, *, stopped: bool) -> Mark:
    if index in state.skipped:
        return Mark.SKIPPED
    if index < state.step:
        return Mark.DONE
    if state.ending in _ENDED_BADLY:
        if index > state.step:
            return Mark.NEVER
        return Mark.ABORTED if state.ending is Phase.ABORTED else Mark.FAILED
    if state.promoted_at is not None:
        return Mark.DONE
    if index > state.step:
        return Mark.NEXT
    return Mark.HELD if stopped or state.phase in HELD else Mark.NOW


def _words(plan: RolloutPlan, state: State, step: Step, mark: Mark, now: datetime) -> str:
    weight = f"{step.weight} %"
    match mark:
        case Mark.SKIPPED:
            return f"{weight} skipped"
        case Mark.NEVER:
            return f"{weight} not reached"
        case Mark.ABORTED:
            return f"aborted at {weight}"
        case Mark.FAILED:
            return f"{'failed' if state.promoted_at is None else 'reverted'} at {weight}"
        case Mark.NEXT:
            return f"{weight}{_gate(step)}"
        case Mark.NOW:
            return f"{weight}, {doing(plan, state, now)}"
        case Mark.HELD:
            held = state.phase in HELD
            return f"{weight}, {doing(plan, state, now) if held else 'interrupted'}"
    return weight


def _gate(step: Step) -> str:
    if step.gate is None:
        return ""
    return ", approval" if step.gate.kind is GateKind.APPROVAL else ", pause"


def doing(plan: RolloutPlan, state: State, now: datetime) -> str:
    """Say what goes on in the present step, in a word or two."""
    if state.phase is Phase.PAUSED:
        return "paused"
    if state.phase is Phase.AWAITING_APPROVAL:
        return "waiting for approval"
    if isinstance(state.work, Shift):
        return "shifting"
    ends = bake_ends(plan, state)
    if ends is None:
        return "promoting" if state.proven else "now"
    left = ends - now
    return f"{duration(_whole(left))} left" if left > timedelta(0) else "deciding"


def bake_ends(plan: RolloutPlan, state: State) -> datetime | None:
    """Return when the present bake ends, in the past if it waits for evidence; None if none.

    The state keeps the step's deadline, which lies a known time behind the beginning of its watch.
    """
    if not isinstance(state.work, Watch) or state.work.hold or state.deadline_at is None:
        return None
    return state.deadline_at - plan.analysis.no_data_deadline - plan.progress_deadline


def _whole(left: timedelta) -> timedelta:
    return timedelta(seconds=max(round(left.total_seconds()), 1))
