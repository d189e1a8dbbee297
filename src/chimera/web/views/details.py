"""What a rollout is: the facts that do not change while it goes on, and those that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta

from chimera.app.reports import RolloutView
from chimera.core.banner import capital, users_met
from chimera.core.checklist import metric_name, value
from chimera.core.plan import AnalysisPlan, GateKind, Limit, Step
from chimera.core.words import count, duration, percent


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what it is."""

    name: str
    value: str


def facts(view: RolloutView) -> tuple[Fact, ...]:
    """Return a rollout's facts, without those that do not apply."""
    rollout, state = view.rollout, view.state
    plan = rollout.plan
    by = rollout.started_by or "nobody named"
    images = [
        Fact(f"Image of {one.name}", one.image)
        for one in (rollout.canary, rollout.stable)
        if one.image
    ]
    # What users meet is summed up when a step ends: before that there is nothing to say.
    counted = state.over or state.exposure.requests or not state.weight
    running = [
        *([Fact("Users", capital(users_met(state.exposure)))] if counted else []),
        Fact("Steps", ", ".join(_step(one) for one in plan.steps)),
        Fact("Shortest time", duration(plan.duration)),
        Fact("Limits", "; ".join(_limit(one) for one in plan.analysis.limits)),
        Fact("Without evidence", _undecided(plan.analysis)),
        Fact("Old version", _old_version(plan.scale_down_delay)),
    ]
    return (
        Fact("Rollout", rollout.id),
        Fact("Platform", rollout.service.platform),
        Fact("Started", f"{view.opened_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by {by}"),
        *images,
        *(() if plan.install else running),
    )


def _step(step: Step) -> str:
    gate = ""
    if step.gate is not None:
        gate = " then approval" if step.gate.kind is GateKind.APPROVAL else " then pause"
    return f"{step.weight} % for {duration(step.bake)}{gate}"


def _limit(limit: Limit) -> str:
    unit = "ratio" if limit.quantile is None else "ms"
    said = [] if limit.max is None else [f"at most {value(limit.max, unit)}"]
    if limit.max_increase is not None:
        said.append(f"at most {percent(limit.max_increase)} above stable")
    needs = count(limit.min_requests, "request")
    return f"{metric_name(limit.metric)} {' and '.join(said)}, from {needs}"


def _old_version(kept: timedelta) -> str:
    return f"kept warm for {duration(kept)}" if kept else "removed when the new one is promoted"


def _undecided(plan: AnalysisPlan) -> str:
    then = "pause" if plan.on_no_data.value == "pause" else "roll back"
    return f"{then} {duration(plan.no_data_deadline)} after the step's time"
