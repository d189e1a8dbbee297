"""What a reader may do with a rollout: buttons, questions, and what each leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chimera.app.reports import RolloutView
from chimera.core.banner import next_weight
from chimera.core.gates import role_for
from chimera.core.state import Phase


@dataclass(frozen=True, slots=True)
class Action:
    """One verb. question, effect: the confirmation. grave: it turns back or skips a safeguard."""

    verb: str
    label: str
    sign: str
    kind: str
    question: str
    effect: str
    grave: bool = False
    needs_reason: bool = False
    hint: str = "It is kept with the rollout and shown to everybody."


def actions(
    view: RolloutView, verbs: Sequence[str], may: Callable[[str], bool]
) -> tuple[Action, ...]:
    """Return the buttons of one reader. may: whether the reader has a role on this service."""
    plan, state = view.rollout.plan, view.state
    return tuple(action_of(view, verb) for verb in verbs if may(role_for(plan, state, verb)))


def action_of(view: RolloutView, verb: str) -> Action:
    """Return one action as it stands now; KeyError for an unknown verb."""
    return _ACTIONS[verb](view)


def _pause(view: RolloutView) -> Action:
    canary, weight = view.rollout.canary.name, view.state.weight
    return Action(
        "pause",
        "Pause",
        "pause",
        "",
        f"Pause at {weight} %?",
        f"{canary} keeps its {weight} % of the traffic and stays under watch: "
        "an unhealthy verdict still rolls back.",
    )


def _resume(view: RolloutView) -> Action:
    state = view.state
    if state.phase is not Phase.PAUSED:
        effect = "The pause that was asked for is taken back."
    elif state.foreign:
        weight = view.rollout.plan.steps[max(state.step, 0)].weight
        effect = f"What somebody else set is overwritten: {weight} % go to the canary again."
    else:
        effect = f"The rollout goes on from {state.weight} %."
    return Action("resume", "Resume", "play", "primary", "Resume the rollout?", effect)


def _approve(view: RolloutView) -> Action:
    following = next_weight(view.rollout, view.state)
    return Action(
        "approve",
        "Approve",
        "check",
        "primary",
        f"Approve {view.rollout.canary.name}?",
        f"It goes on to {following}, under watch.",
    )


def _promote(view: RolloutView) -> Action:
    stable, canary = view.rollout.stable.name, view.rollout.canary.name
    if view.state.phase is Phase.RETIRING:
        return Action(
            "promote",
            "Remove the old version",
            "check",
            "",
            f"Remove {stable} now?",
            f"It is not kept warm any longer: there is no quick way back to {stable}.",
            grave=True,
        )
    return Action(
        "promote",
        "Promote now",
        "up",
        "",
        f"Promote {canary} now?",
        f"The steps that are left are skipped: 100 % of the traffic goes to {canary} at once. "
        "It is watched there before the old version goes.",
        grave=True,
        needs_reason=True,
        hint="Why the steps that are left may be skipped. It is kept and shown to everybody.",
    )


def _abort(view: RolloutView) -> Action:
    rollout = view.rollout
    if rollout.plan.install:
        effect = f"{rollout.canary.name} is removed; nothing is left of it."
    else:
        effect = (
            f"All traffic returns to {rollout.stable.name} at once; "
            f"then {rollout.canary.name} is drained and removed."
        )
    return Action(
        "abort",
        "Abort",
        "cross",
        "danger",
        "Abort the rollout?",
        effect,
        grave=True,
        needs_reason=True,
        hint="What is wrong. It is kept with the rollout and shown to everybody.",
    )


def _revert(view: RolloutView) -> Action:
    stable, canary = view.rollout.stable.name, view.rollout.canary.name
    return Action(
        "revert",
        f"Revert to {stable}",
        "back",
        "danger",
        f"Revert to {stable}?",
        f"{stable} is still warm: all traffic returns to it at once, and {canary} is removed.",
        grave=True,
        needs_reason=True,
        hint="What is wrong. It is kept with the rollout and shown to everybody.",
    )


def _retry(view: RolloutView) -> Action:
    if view.state.phase is Phase.CLEANUP_INCOMPLETE:
        return Action(
            "retry",
            "Retry the cleanup",
            "again",
            "primary",
            "Try the cleanup again?",
            "What is left behind is removed. Traffic is not touched.",
        )
    canary = view.rollout.canary.name
    return Action(
        "retry",
        "Retry",
        "again",
        "primary",
        f"Deploy {canary} again?",
        "A new rollout with the same version and the same spec starts from the first step.",
    )


_ACTIONS: dict[str, Callable[[RolloutView], Action]] = {
    "pause": _pause,
    "resume": _resume,
    "approve": _approve,
    "promote": _promote,
    "abort": _abort,
    "revert": _revert,
    "retry": _retry,
}
