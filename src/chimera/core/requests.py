"""What people may ask of a rollout, and what it answers in each phase.

Each handler either does it, or says in one sentence why not and what can be done instead. A request
that finds its wish already fulfilled is answered, not refused.
"""

from __future__ import annotations

from dataclasses import replace

from chimera.core import events as e
from chimera.core.effects import Commit, RemoveOld, Shift, Watch
from chimera.core.gates import refused_to
from chimera.core.moves import begin_removal, hold, loser, next_step, roll_back, shift_to, watch
from chimera.core.plan import RolloutPlan
from chimera.core.state import BEFORE_COMMIT, Phase, State, Transition
from chimera.core.words import duration

_BACK_ON_STABLE = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})


def answer_request(plan: RolloutPlan, state: State, event: e.AnyRequest) -> Transition:
    """Return what a request makes of `state`, with an answer for the person who asked."""
    if state.phase.final:
        return _answer_when_over(plan, state, event)
    if refused := refused_to(plan, state, event.kind, event.role):
        return _refuse(state, refused)
    match event:
        case e.PauseRequested():
            return _pause(plan, state, event)
        case e.ResumeRequested():
            return _resume(plan, state, event)
        case e.ApproveRequested():
            return _approve(plan, state, event)
        case e.PromoteRequested():
            return _promote(plan, state, event)
        case e.AbortRequested():
            return _abort(plan, state, event)
        case e.RevertRequested():
            return _revert(state, event)
        case e.RetryRequested():
            return _retry(state)


def _refuse(state: State, answer: str) -> Transition:
    return Transition(state, answer=answer, refused=True)


def _said(transition: Transition, answer: str) -> Transition:
    return replace(transition, answer=answer)


def _who(event: e.AnyRequest, verb: str) -> str:
    by = f" by {event.by}" if event.by else ""
    why = f": {event.reason}" if event.reason else ""
    return f"{verb}{by}{why}"


def _answer_when_over(plan: RolloutPlan, state: State, event: e.AnyRequest) -> Transition:
    succeeded = state.phase is Phase.SUCCEEDED
    match event:
        case e.AbortRequested() | e.RevertRequested() if state.phase in _BACK_ON_STABLE:
            return Transition(state, answer=f"already {state.words}")
        case e.PromoteRequested() if succeeded:
            return Transition(state, answer="already promoted")
        case e.AbortRequested() if succeeded:
            return _refuse(state, "too late to abort: the rollout is over, its version promoted")
        case e.RevertRequested() if succeeded:
            return _refuse(state, f"too late to revert: {_gone(plan)}")
    return _refuse(state, f"too late to {event.kind}: the rollout is over: {state.words}")


def _gone(plan: RolloutPlan) -> str:
    """Say why there is nothing to return to any more."""
    if plan.install:
        return "it was the first version, nothing ran before it"
    if plan.scale_down_delay:
        warm = duration(plan.scale_down_delay)
        return f"the old version was kept warm for {warm} (scaleDownDelay) and is gone"
    return "the old version was not kept warm (scaleDownDelay is 0 s) and is gone"


def _pause(plan: RolloutPlan, state: State, event: e.PauseRequested) -> Transition:
    reason = _who(event, "paused")
    if state.phase is Phase.PAUSED:
        return Transition(state, answer="already paused")
    if state.phase is Phase.AWAITING_APPROVAL:
        return Transition(state, answer="already holding for an approval; the weight does not move")
    if state.phase not in BEFORE_COMMIT:
        return _refuse(state, f"cannot pause: the rollout is {state.words}")
    if plan.install:
        return _refuse(state, "an installation cannot pause; `chimera abort` undoes it")
    if isinstance(state.work, Commit):
        return _refuse(
            state, "too late to pause: the promotion is being committed; `chimera abort` undoes it"
        )
    if isinstance(state.work, Watch):
        return _said(hold(state, Phase.PAUSED, reason), f"paused at {state.weight} %")
    if state.step < 0:
        answer = "will pause when the canary is ready, before it gets any traffic"
    else:
        answer = f"will pause at {_bound_for(state)} %, as soon as that weight is confirmed"
    return Transition(replace(state, pause_wanted=True, reason=reason), answer=answer)


def _bound_for(state: State) -> int:
    return state.work.weight if isinstance(state.work, Shift) else state.weight


def _resume(plan: RolloutPlan, state: State, event: e.ResumeRequested) -> Transition:
    if state.phase is Phase.AWAITING_APPROVAL:
        return _refuse(state, "waiting for an approval: use `chimera approve`")
    if state.phase is not Phase.PAUSED:
        if state.pause_wanted:
            still = replace(state, pause_wanted=False, reason="")
            return Transition(still, answer="will not pause")
        return Transition(state, answer=f"nothing to resume: the rollout is {state.words}")
    step = max(state.step, 0)
    weight = plan.steps[step].weight
    going = replace(state, phase=Phase.PROGRESSING, reason="", foreign="")
    if state.foreign:
        moved = shift_to(plan, going, event.at, step=step, overwrite=True)
        return _said(moved, f"resuming: the routes are set to {weight} % again")
    if state.at_gate:
        return _said(next_step(plan, state, event.at), "resumed")
    if state.step < 0 or state.weight != weight:
        return _said(shift_to(plan, going, event.at, step=step), f"resuming: to {weight} %")
    return _said(watch(plan, state, event.at), f"resumed: {state.weight} % bakes anew")


def _approve(plan: RolloutPlan, state: State, event: e.ApproveRequested) -> Transition:
    if state.phase is not Phase.AWAITING_APPROVAL:
        return _refuse(state, f"nothing to approve: the rollout is {state.words}")
    moved = next_step(plan, state, event.at)
    to = (
        "to the promotion"
        if isinstance(moved.state.work, Commit)
        else f"to {_bound_for(moved.state)} %"
    )
    return _said(moved, f"approved: on {to}")


def _promote(plan: RolloutPlan, state: State, event: e.PromoteRequested) -> Transition:
    if state.phase is Phase.RETIRING:
        if state.work is not None:
            return Transition(state, answer="already promoted; the old version is being removed")
        return _said(begin_removal(state, RemoveOld), "the old version is removed now")
    if state.phase not in BEFORE_COMMIT:
        return _refuse(state, f"cannot promote: the rollout is {state.words}")
    if state.phase in {Phase.PENDING, Phase.PREPARING}:
        return _refuse(state, "cannot promote yet: the canary is not ready; ask again in a moment")
    if state.foreign:
        return _refuse(
            state, f"cannot promote: {state.reason}; `chimera resume` or `chimera abort` first"
        )
    wanted = replace(state, reason="", pause_wanted=False, promote_wanted=True)
    return _hasten(plan, wanted, event)


def _hasten(plan: RolloutPlan, state: State, event: e.PromoteRequested) -> Transition:
    last = len(plan.steps) - 1
    if state.phase is Phase.PROMOTING:
        return Transition(
            state, answer="already promoting: 100 % holds for its healthy interval first"
        )
    if state.step == last and state.at_gate:
        return _said(next_step(plan, state, event.at), "promoting: 100 % was healthy")
    if state.step == last and state.weight == plan.steps[last].weight:
        return _said(
            watch(plan, state, event.at), "promoting: 100 % holds for its healthy interval"
        )
    done = state.step + state.at_gate  # at a gate, this step's own bake was healthy
    going = replace(
        state,
        phase=Phase.PROGRESSING,
        at_gate=False,
        skipped=(*state.skipped, *range(max(done, 0), last)),
    )
    return _said(
        shift_to(plan, going, event.at, step=last),
        "promoting: to 100 % now, then its healthy interval, then the old version goes",
    )


def _abort(plan: RolloutPlan, state: State, event: e.AbortRequested) -> Transition:
    if state.phase in BEFORE_COMMIT:
        moved = roll_back(state, Phase.ABORTED, _who(event, "aborted"))
        what = "what was made is removed" if plan.install else "all traffic returns to stable"
        return _said(moved, f"aborted: {what}")
    if state.ending is not Phase.SUCCEEDED:
        return Transition(state, answer="already rolling back")
    if state.phase is Phase.RETIRING and state.work is None:
        return _refuse(
            state,
            "too late to abort: the new version is promoted; "
            "the old one is still warm, `chimera revert` returns to it at once",
        )
    return _refuse(state, "too late to abort: promoted, and the old version is being removed")


def _revert(state: State, event: e.RevertRequested) -> Transition:
    if state.phase in BEFORE_COMMIT:
        return _refuse(state, "not promoted yet: use `chimera abort`")
    if state.ending is not Phase.SUCCEEDED:
        return Transition(state, answer="already rolling back")
    if state.phase is Phase.RETIRING and state.work is None:
        moved = roll_back(state, Phase.ROLLED_BACK, _who(event, "reverted"))
        return _said(moved, "reverted: all traffic returns to the version before")
    return _refuse(state, "too late to revert: the old version is being removed; deploy it again")


def _retry(state: State) -> Transition:
    if state.phase is not Phase.CLEANUP_INCOMPLETE:
        return _refuse(state, f"nothing to retry here: the rollout is {state.words}")
    if state.work is not None:
        return Transition(state, answer="the cleanup is being tried right now")
    return _said(begin_removal(state, loser(state)), "trying the cleanup again")
