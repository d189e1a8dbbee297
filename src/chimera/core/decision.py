"""The decision banner: the verdict, the numbers behind it, and what comes next, apart.

`banner.headline` says the same in one sentence, for a line of text.
"""

from __future__ import annotations

from dataclasses import dataclass

from chimera.core.banner import again, capital, clause, cleaned_up, clock, next_weight, users_met
from chimera.core.effects import Commit, RemoveCanary, RemoveOld, Shift
from chimera.core.model import Judgement, Verdict
from chimera.core.plan import Rollout
from chimera.core.state import Phase, State
from chimera.core.words import duration


@dataclass(frozen=True, slots=True)
class Decision:
    """title: the verdict or the state in a few words. numbers: why, in a sentence. next: then."""

    title: str
    numbers: str
    next: str


def decision(rollout: Rollout, state: State, latest: Judgement | None = None) -> Decision:
    """Say where a rollout stands. latest: the judgement of the last look at this step, if known."""
    match state.phase:
        case Phase.PENDING | Phase.PREPARING:
            return _starting(rollout, state)
        case Phase.PROGRESSING | Phase.PROMOTING:
            return _going(rollout, state, latest)
        case Phase.PAUSED | Phase.AWAITING_APPROVAL:
            return _held(rollout, state)
        case Phase.RETIRING:
            return _retiring(rollout, state)
        case Phase.ROLLING_BACK:
            return _rolling_back(rollout, state)
        case Phase.CLEANUP_INCOMPLETE:
            why = clause(state.reason) or "the rollout is decided"
            again_said = again(state).replace("`chimera retry`", "Retry")
            return Decision(
                "Cleanup incomplete",
                capital(f"{why}; {cleaned_up(state)}."),
                capital(f"{again_said}."),
            )
    return _ended(rollout, state)


def _starting(rollout: Rollout, state: State) -> Decision:
    canary = rollout.canary.name
    waits = state.phase is Phase.PENDING
    if rollout.plan.install:
        title = f"Waiting to install {canary}" if waits else f"Installing {canary}"
        return Decision(title, "Nothing ran before it.", "It serves when its health check answers.")
    title = f"Waiting to start {canary}" if waits else f"Starting {canary}"
    numbers = f"All traffic is on {rollout.stable.name}; no user meets {canary} yet."
    if state.pause_wanted:
        return Decision(title, numbers, "It pauses when the canary is ready.")
    first = rollout.plan.steps[0].weight
    return Decision(title, numbers, f"{first} % of the traffic, when every replica answers.")


def _going(rollout: Rollout, state: State, latest: Judgement | None) -> Decision:
    work, known = state.work, latest or state.judgement
    said = _sentence(known)
    if isinstance(work, Shift):
        bake = rollout.plan.steps[max(state.step, 0)].bake
        title = f"Shifting from {state.weight} % to {work.weight} %"
        return Decision(title, said, f"Watched for {duration(bake)} at {work.weight} %.")
    if isinstance(work, Commit):
        canary = rollout.canary.name
        return Decision(f"Promoting {canary}", said, f"{canary} becomes the stable version now.")
    following = next_weight(rollout, state)
    if latest is None:
        last = f"Last verdict {known.verdict.value}: {clause(known.sentence)}." if known else ""
        return Decision(
            f"Watching at {state.weight} %", last or "No verdict yet.", f"{capital(following)}."
        )
    if latest.verdict is Verdict.UNHEALTHY:
        return Decision(f"Unhealthy at {state.weight} %", said, "Rolling back.")
    if latest.verdict is Verdict.HEALTHY:
        return Decision(
            f"Healthy so far at {state.weight} %", said, f"{capital(following)}, if it stays so."
        )
    needs = clause(latest.needs)
    holds = f"Holding at {state.weight} %" + (f": {needs} needed" if needs else "")
    return Decision(f"Not enough is known yet at {state.weight} %", said, f"{holds}.")


def _held(rollout: Rollout, state: State) -> Decision:
    back = f"Abort returns all traffic to {rollout.stable.name}."
    reason = capital(clause(state.reason) or state.phase.words) + "."
    if state.phase is Phase.AWAITING_APPROVAL:
        title = f"Waiting for an approval at {state.weight} %"
        return Decision(title, reason, f"Approve leads to {next_weight(rollout, state)}. {back}")
    if state.foreign:
        weight = rollout.plan.steps[max(state.step, 0)].weight
        return Decision("Paused: somebody else changed the routes", reason, _sets(weight, back))
    return Decision(f"Paused at {state.weight} %", reason, f"Resume goes on. {back}")


def _sets(weight: int, back: str) -> str:
    return f"Nothing is overwritten. Resume sets {weight} % again. {back}"


def _retiring(rollout: Rollout, state: State) -> Decision:
    canary, stable = rollout.canary.name, rollout.stable.name
    numbers = f"All traffic is on {canary}; {users_met(state.exposure)}."
    if isinstance(state.work, RemoveOld) or state.wake_at is None:
        return Decision(f"Promoted {canary}", numbers, f"{stable} is being drained and removed.")
    warm = f"{stable} stays warm until {clock(state.wake_at)}; Revert returns to it at once."
    return Decision(f"Promoted {canary}", numbers, warm)


def _rolling_back(rollout: Rollout, state: State) -> Decision:
    stable, canary = rollout.stable.name, rollout.canary.name
    numbers = capital(clause(state.reason) or "asked to") + "."
    if rollout.plan.install:
        return Decision("Undoing the installation", numbers, f"{canary} is being removed.")
    if state.work is None:
        held = f"The traffic could not be returned to {stable} yet"
        return Decision("Rolling back", numbers, f"{held}; {again(state)}.")
    if isinstance(state.work, RemoveCanary):
        return Decision(
            "Rolling back", numbers, f"All traffic is on {stable}; {canary} is being removed."
        )
    vain = f", so far in vain: {clause(state.trouble)}" if state.trouble else ""
    return Decision("Rolling back", numbers, f"All traffic returns to {stable} now{vain}.")


def _ended(rollout: Rollout, state: State) -> Decision:
    canary, stable = rollout.canary.name, rollout.stable.name
    met, cleaned = users_met(state.exposure), cleaned_up(state)
    why = clause(state.reason)
    if rollout.plan.install:
        if state.phase is Phase.SUCCEEDED:
            serves = f"{canary} serves all traffic of {rollout.service.name}."
            return Decision("Installed", serves, "Deploy the next version as a canary.")
        gone = capital(f"{why or 'as asked'}; {cleaned}.")
        return Decision("Not installed", gone, "Retry installs it again.")
    if state.phase is Phase.SUCCEEDED:
        numbers = f"All traffic is on {canary}; {met}; {cleaned}."
        return Decision(f"Promoted {canary}", numbers, "Nothing to do.")
    numbers = f"{capital(f'{why}; ' if why else '')}{met if why else capital(met)}; {cleaned}."
    title = "Aborted" if state.phase is Phase.ABORTED else "Rolled back"
    return Decision(title, numbers, f"All traffic is on {stable}. Retry deploys {canary} again.")


def _sentence(judgement: Judgement | None) -> str:
    return f"{capital(clause(judgement.sentence))}." if judgement else ""
