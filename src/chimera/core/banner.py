"""What to tell a person who looks at a rollout now: the headline, and how it ended."""

from __future__ import annotations

from datetime import datetime

from chimera.core.effects import Commit, RemoveCanary, RemoveOld, Shift
from chimera.core.exposure import Exposure
from chimera.core.model import Judgement
from chimera.core.plan import GateKind, Rollout
from chimera.core.state import Phase, State
from chimera.core.words import count, duration

_INSTALLING = frozenset({Phase.PENDING, Phase.PREPARING, Phase.ROLLING_BACK})


def headline(rollout: Rollout, state: State, latest: Judgement | None = None) -> str:
    """Say in one sentence what goes on, with the numbers, and what comes next.

    latest: the judgement of the last look, if it is known; else that of the last finished watch.
    """
    if rollout.plan.install and state.phase in _INSTALLING:
        return _installing(rollout, state)
    match state.phase:
        case Phase.PENDING:
            return f"Waiting to start {rollout.canary.name} beside {rollout.stable.name}"
        case Phase.PREPARING:
            return (
                f"Starting {rollout.canary.name}; all traffic is on {rollout.stable.name}, "
                f"the first {rollout.plan.steps[0].weight} % follow when it is ready"
            )
        case Phase.PROGRESSING | Phase.PROMOTING:
            return _progressing(rollout, state, latest)
        case Phase.PAUSED | Phase.AWAITING_APPROVAL:
            return _held(rollout, state)
        case Phase.RETIRING:
            return _retiring(rollout, state)
        case Phase.ROLLING_BACK:
            return _rolling_back(rollout, state)
        case Phase.CLEANUP_INCOMPLETE:
            return f"Cleanup incomplete: {ending(rollout, state)}; {again(state)}"
    return capital(ending(rollout, state))


def ending(rollout: Rollout, state: State) -> str:
    """Say how a rollout ended: why, what users met, what was removed. Starts in lower case."""
    if state.ending is None:
        return f"not over yet: {state.phase.words}"
    if rollout.plan.install:
        return _installed(rollout, state)
    how = {
        Phase.SUCCEEDED: f"promoted: all traffic is on {rollout.canary.name}",
        Phase.ROLLED_BACK: f"rolled back: {clause(state.reason) or 'all traffic is on stable'}",
        Phase.ABORTED: clause(state.reason) or "aborted",
    }
    return f"{how[state.ending]}; {users_met(state.exposure)}; {cleaned_up(state)}"


def users_met(exposure: Exposure) -> str:
    """Say what users met on the canary, and who was cut off when a version went."""
    met = _met_at_least(exposure) if exposure.unknown else _met(exposure)
    return f"{met}; {cut_off(exposure)}" if exposure.cut else met


def cut_off(exposure: Exposure) -> str:
    """Say how many requests the end of a drain cut off."""
    cut, were = count(exposure.cut, "request"), "was" if exposure.cut == 1 else "were"
    return f"{cut} {were} still in flight after {duration(exposure.drained)} and {were} cut"


def _met_at_least(exposure: Exposure) -> str:
    lasted = f" in {duration(exposure.duration)}" if exposure.duration else ""
    more = f"there may have been more: {clause(exposure.unknown)}"
    if exposure.errors:
        failed = count(exposure.errors, "failed request")
        return f"users met at least {failed}{lasted}; {more}"
    if exposure.requests:
        sent = count(exposure.requests, "request")
        return f"users sent the canary at least {sent}{lasted}, none of those failed; {more}"
    return f"how many requests users met{lasted} is not known: {clause(exposure.unknown)}"


def _met(exposure: Exposure) -> str:
    lasted = duration(exposure.duration)
    if exposure.errors:
        return f"users met {count(exposure.errors, 'failed request')} in {lasted}"
    if exposure.requests:
        return (
            f"users sent the canary {count(exposure.requests, 'request')} in {lasted}, none failed"
        )
    if exposure.duration:
        return f"no request reached the canary in {lasted}"
    return "the canary never had traffic"


def cleaned_up(state: State) -> str:
    """Say what was removed and what is left."""
    removed, left = len(state.removed), len(state.left)
    if state.left:
        rest = ", ".join(str(resource) for resource in state.left)
        return f"{removed} of {count(removed + left, 'resource')} removed, left behind: {rest}"
    if not state.phase.final:
        return f"{count(removed, 'resource')} removed, the cleanup is not finished"
    if removed:
        return f"{removed} of {count(removed, 'resource')} removed, nothing left behind"
    return "nothing left behind"


def again(state: State) -> str:
    """Say when a restore or a cleanup that did not finish is tried again, and why it must be."""
    why = f" ({clause(state.trouble)})" if state.trouble else ""
    if state.wake_at is None:
        return f"`chimera retry` tries again{why}"
    return f"tried again at {clock(state.wake_at)}{why}"


def clause(text: str) -> str:
    """Return a foreign text so that it fits inside one sentence."""
    return " ".join(text.split()).replace(". ", "; ").rstrip(" .;")


def capital(text: str) -> str:
    """Return `text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def clock(at: datetime) -> str:
    """Return the time of day, to the second."""
    return f"{at:%H:%M:%S} {at.tzname() or 'UTC'}"


def next_weight(rollout: Rollout, state: State) -> str:
    """Say what follows a healthy bake of the present step."""
    step = max(state.step, 0)
    gate = rollout.plan.steps[step].gate
    if gate is not None and not state.at_gate and not state.promote_wanted:
        return "the approval" if gate.kind is GateKind.APPROVAL else "a planned pause"
    if step + 1 < len(rollout.plan.steps):
        return f"{rollout.plan.steps[step + 1].weight} %"
    return f"the promotion of {rollout.canary.name}"


def _installing(rollout: Rollout, state: State) -> str:
    first = f"{rollout.canary.name}, the first version of {rollout.service.name}"
    if state.phase is Phase.PENDING:
        return f"Waiting to install {first}"
    if state.phase is Phase.PREPARING:
        return f"Installing {first}"
    return f"Undoing the installation of {first}: {clause(state.reason) or 'as asked'}"


def _installed(rollout: Rollout, state: State) -> str:
    if state.ending is Phase.SUCCEEDED:
        return f"installed: {rollout.canary.name} serves all traffic of {rollout.service.name}"
    why = clause(state.reason) or "as asked"
    return f"not installed: {why}; {cleaned_up(state)}"


def _progressing(rollout: Rollout, state: State, latest: Judgement | None) -> str:
    canary, work = rollout.canary.name, state.work
    step = f"step {state.step + 1} of {len(rollout.plan.steps)}"
    if isinstance(work, Shift):
        return f"Shifting {canary} from {state.weight} % to {work.weight} %, {step}"
    if isinstance(work, Commit):
        return f"Promoting {canary}: 100 % was healthy, now it becomes the stable version"
    known = latest or state.judgement
    when = "" if latest else "last verdict "
    said = f"{when}{known.verdict.value}: {clause(known.sentence)}" if known else "no verdict yet"
    needs = f" ({clause(latest.needs)} needed)" if latest and latest.needs else ""
    bake = duration(rollout.plan.steps[max(state.step, 0)].bake)
    return (
        f"Watching {canary} at {state.weight} % for {bake}, {step}; {said}{needs}; "
        f"next {next_weight(rollout, state)}"
    )


def _held(rollout: Rollout, state: State) -> str:
    back = f"`chimera abort` returns all traffic to {rollout.stable.name}"
    reason = clause(state.reason) or state.phase.words
    if state.foreign:
        weight = rollout.plan.steps[max(state.step, 0)].weight
        return f"Paused: {reason}; `chimera resume` sets {weight} % again, {back}"
    if state.phase is Phase.AWAITING_APPROVAL:
        following = next_weight(rollout, state)
        return (
            f"Holding at {state.weight} %: {reason}; `chimera approve` leads to {following}, {back}"
        )
    return f"Paused at {state.weight} %: {reason}; `chimera resume` goes on, {back}"


def _retiring(rollout: Rollout, state: State) -> str:
    canary, stable = rollout.canary.name, rollout.stable.name
    if isinstance(state.work, RemoveOld) or state.wake_at is None:
        return f"Promoted: all traffic is on {canary}; {stable} is being drained and removed"
    return (
        f"Promoted: all traffic is on {canary}; {stable} stays warm until {clock(state.wake_at)}, "
        f"`chimera revert` returns to it"
    )


def _rolling_back(rollout: Rollout, state: State) -> str:
    why = clause(state.reason) or "asked to"
    if state.work is None:
        return (
            f"Rolling back: {why}; the traffic could not be returned to "
            f"{rollout.stable.name} yet, {again(state)}"
        )
    if isinstance(state.work, RemoveCanary):
        return (
            f"Rolling back: {why}; all traffic is on {rollout.stable.name}, "
            f"{rollout.canary.name} is being removed"
        )
    so_far = f", so far in vain: {clause(state.trouble)}" if state.trouble else ""
    return f"Rolling back: {why}; all traffic returns to {rollout.stable.name} now{so_far}"
