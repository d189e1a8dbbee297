"""Every event of a rollout as one plain sentence, and where a rollout stands as another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chimera.core import events as e
from chimera.core.banner import (
    again,
    capital,
    clause,
    cleaned_up,
    cut_off,
    ending,
    headline,
    next_weight,
    users_met,
)
from chimera.core.effects import Commit, RemoveOld, Restore
from chimera.core.model import Verdict
from chimera.core.plan import Rollout
from chimera.core.rollout import advance
from chimera.core.state import HELD, Phase, State, Transition
from chimera.core.words import count, duration

__all__ = ["ending", "explain", "headline"]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the sentence is about: the event between two states."""

    rollout: Rollout
    before: State
    after: State

    @property
    def canary(self) -> str:
        return self.rollout.canary.name

    @property
    def stable(self) -> str:
        return self.rollout.stable.name

    @property
    def service(self) -> str:
        return self.rollout.service.name


def explain(rollout: Rollout, before: State, event: e.AnyEvent, after: State | Transition) -> str:
    """Return one plain sentence for what `event` made of `before`, also if it was nothing.

    after: what `advance` answered; a bare state costs asking it once more.
    """
    if not isinstance(after, Transition):
        after = advance(rollout.plan, before, event)
    scene = _Scene(rollout, before, after.state)
    if isinstance(event, e.AnyRequest):
        return _request(event, after)
    if after.ignored:
        return capital(clause(after.answer)) or _ignored(before, event)
    if after.state.phase is Phase.ROLLING_BACK and before.phase is not Phase.ROLLING_BACK:
        return _turned_back(scene)
    if rollout.plan.install and type(event) in _SAY_OF_AN_INSTALLATION:
        return _SAY_OF_AN_INSTALLATION[type(event)](scene, event)
    return _SAY[type(event)](scene, event)


def _request(event: e.AnyRequest, after: Transition) -> str:
    by = f" by {clause(event.by)}" if event.by else ""
    why = f" ({clause(event.reason)})" if event.reason else ""
    answer = clause(after.answer) or f"the rollout is {after.state.phase.words}"
    if after.refused:
        return f"{capital(event.kind)} refused{by and f', asked{by}'}{why}: {answer}"
    return f"{capital(event.kind)} asked{by}{why}: {answer}"


def _ignored(before: State, event: e.Started | e.TimeReached | e.AnyResult) -> str:
    if isinstance(event, e.Started):
        return f"Ignored a second start: the rollout is {before.phase.words} already"
    if isinstance(event, e.TimeReached):
        return f"Ignored an alarm: the rollout is {before.phase.words} and nothing was due"
    what = event.kind.replace("_", " ")
    if before.work is not None and before.generation == event.generation:
        doing = before.work.kind.replace("_", " ")
        return f"Ignored '{what}': it does not answer the {doing} under way"
    return f"Ignored '{what}': it came too late, the rollout is {before.phase.words}"


def _turned_back(scene: _Scene) -> str:
    why = clause(scene.after.reason) or "it could not go on"
    if scene.rollout.plan.install:
        return f"Undoing the installation of {scene.canary}: {why}"
    at = f" from {scene.before.weight} %" if scene.before.weight else ""
    return f"Rolling back{at}: {why}"


def _started(scene: _Scene, _: e.Started) -> str:
    plan = scene.rollout.plan
    weights = ", ".join(str(step.weight) for step in plan.steps)
    warned = "".join(f"; too little traffic: {words}" for words in scene.rollout.warnings[:1])
    return (
        f"Started: {scene.canary} takes over from {scene.stable} in "
        f"{count(len(plan.steps), 'step')} ({weights} %), "
        f"at least {duration(plan.duration)}{warned}"
    )


def _prepared(scene: _Scene, _: e.Prepared) -> str:
    ready = f"Canary {scene.canary} is ready beside {scene.stable}; no user traffic yet"
    if scene.after.phase is Phase.PAUSED:
        return f"{ready}; {clause(scene.after.reason) or 'paused'}"
    return f"{ready}; {scene.rollout.plan.steps[0].weight} % come next"


def _shifted(scene: _Scene, _: e.Shifted) -> str:
    after = scene.after
    if after.foreign:
        return _foreign_edit(scene, _)
    confirmed = f"Canary {scene.canary} gets {after.weight} % of the traffic, read back"
    if after.phase in HELD:
        return f"{confirmed}; {after.phase.words}: {clause(after.reason) or 'as asked'}"
    bake = duration(scene.rollout.plan.steps[after.step].bake)
    if after.phase is Phase.PROMOTING:
        return f"{confirmed}; it must stay healthy for {bake} before it is promoted"
    return f"{confirmed}; it is watched for {bake}"


def _judged(scene: _Scene, event: e.Judged) -> str:
    before, after = scene.before, scene.after
    said = clause(event.judgement.sentence) or "no reason given"
    if before.phase in HELD:
        verdict = event.judgement.verdict.value
        return f"Still {before.phase.words} at {after.weight} %, {verdict}: {said}"
    if event.judgement.verdict is Verdict.INCONCLUSIVE:
        return f"Paused at {after.weight} %, not enough is known: {said}"
    healthy = f"Healthy at {before.weight} %: {said}"
    if after.phase in HELD:
        return f"{healthy}; {clause(after.reason)}"
    if isinstance(after.work, Commit):
        return f"{healthy}; it is promoted now"
    return f"{healthy}; next {next_weight(scene.rollout, before)}"


def _lease_expired(scene: _Scene, event: e.LeaseExpired) -> str:
    weight = scene.rollout.plan.steps[max(scene.after.step, 0)].weight
    return (
        f"No controller renewed the lease on {event.expected} %: all traffic went back to "
        f"{scene.stable} by itself; going to {weight} % again"
    )


def _foreign_edit(scene: _Scene, _: e.AnyResult) -> str:
    return f"Paused: {clause(scene.after.reason)}; nothing is overwritten"


def _failed(scene: _Scene, event: e.Failed) -> str:
    why = clause(event.reason) or "no reason given"
    if isinstance(scene.before.work, Restore):
        return (
            f"All traffic should return to {scene.stable} but did not ({why}); {_next_try(scene)}"
        )
    return f"The cleanup did not work ({why}); {_next_try(scene)}"


def _next_try(scene: _Scene) -> str:
    return again(replace(scene.after, trouble=""))  # the sentence has named it already


def _committed(scene: _Scene, _: e.Committed) -> str:
    promoted = f"Promoted: {scene.canary} is the stable version now"
    if isinstance(scene.after.work, RemoveOld):
        return f"{promoted}; {scene.stable} is being drained and removed"
    warm = duration(scene.rollout.plan.scale_down_delay)
    return f"{promoted}; {scene.stable} stays warm for {warm}"


def _restored(scene: _Scene, _: e.Restored) -> str:
    met = users_met(scene.after.exposure)
    return f"All traffic is on {scene.stable}, read back; {met}; {scene.canary} is being removed"


def _removed(scene: _Scene, event: e.Removed) -> str:
    if scene.after.phase.final:
        return capital(ending(scene.rollout, scene.after))
    cut = f"{cut_off(scene.after.exposure)}; " if event.cut else ""
    return f"Cleanup incomplete: {cut}{cleaned_up(scene.after)}; {again(scene.after)}"


def _time_reached(scene: _Scene, _: e.TimeReached) -> str:
    if isinstance(scene.after.work, Restore):
        return f"Trying again to return all traffic to {scene.stable}"
    if scene.before.phase is Phase.CLEANUP_INCOMPLETE:
        return f"Trying the cleanup again, attempt {scene.before.cleanup_attempts + 1}"
    warm = duration(scene.rollout.plan.scale_down_delay)
    return f"The old version {scene.stable} was kept warm for {warm}; it is removed now"


def _install_started(scene: _Scene, _: e.Started) -> str:
    return f"Started: {scene.canary} is installed as the first version of {scene.service}"


def _installed(scene: _Scene, _: e.Committed) -> str:
    return capital(ending(scene.rollout, scene.after))


def _nothing_to_restore(scene: _Scene, _: e.Restored) -> str:
    return f"Nothing of {scene.service} ran before; {scene.canary} is being removed"


_SAY_OF_AN_INSTALLATION: dict[type[e.AnyEvent], Callable[[_Scene, Any], str]] = {
    e.Started: _install_started,
    e.Committed: _installed,
    e.Restored: _nothing_to_restore,
}
_SAY: dict[type[e.AnyEvent], Callable[[_Scene, Any], str]] = {
    e.Started: _started,
    e.TimeReached: _time_reached,
    e.Prepared: _prepared,
    e.Shifted: _shifted,
    e.Judged: _judged,
    e.LeaseExpired: _lease_expired,
    e.ForeignEdit: _foreign_edit,
    e.Failed: _failed,
    e.Committed: _committed,
    e.Restored: _restored,
    e.Removed: _removed,
}
