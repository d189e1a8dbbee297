"""What the ledger holds of a service's earlier rollouts, for the plan of the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chimera.app.reports import PlanReport
from chimera.core.analysis.history import Lesson, Past, learn
from chimera.core.model import Tally
from chimera.core.plan import AnalysisPlan, RolloutPlan
from chimera.core.state import Phase
from chimera.store import RolloutRow, Store

# Of each step as many looks as moods need, of which the longest last minutes.
ROLLOUTS, LOOKS, FEW = 6, 240, 60
_FAIR = {Phase.SUCCEEDED, Phase.RETIRING}


async def informed(store: Store, report: PlanReport) -> PlanReport:
    """Return the report with what the service's earlier rollouts say of its failures."""
    plan = report.rollout.plan
    if report.first or report.unchanged:
        return report
    taught = taking(plan, await lesson(store, report.rollout.service.name, plan))
    return replace(report, rollout=replace(report.rollout, plan=taught))


async def lesson(store: Store, service: str, plan: RolloutPlan) -> Lesson:
    """Return what the latest rollouts of a service teach for the next, which goes by `plan`."""
    rows = await store.find(service=service, live=False, limit=ROLLOUTS)
    past = [
        Past(await store.bare_looks(row.id, _beside(row), LOOKS), row.state.phase in _FAIR)
        for row in rows
    ]
    beside_s = sum(step.bake.total_seconds() for step in plan.steps if 0 < step.weight < 100)
    return learn(past, plan.analysis.weights, beside_s)


def _beside(row: RolloutRow) -> tuple[int, ...]:
    """Return the steps in which stable had traffic too."""
    steps = enumerate(row.rollout.plan.steps)
    return tuple(index for index, step in steps if step.weight < 100)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a service met in its last rollout: both versions, over so many seconds."""

    both: Tally
    span_s: float


async def traffic(store: Store, service: str) -> Traffic | None:
    """Return what the latest rollout with numbers met; None if none is on record."""
    for row in await store.find(service=service, live=False, limit=ROLLOUTS):
        steps = range(len(row.rollout.plan.steps))
        looks = [one for one in await store.bare_looks(row.id, steps, FEW) if not one.gap]
        span_s = sum(one.span.total_seconds() for one in looks)
        if span_s > 0:
            arms = [arm for one in looks for arm in (one.canary, one.stable)]
            both = Tally(sum(arm.requests for arm in arms), sum(arm.errors for arm in arms))
            return Traffic(both, span_s)
    return None


def taking(plan: RolloutPlan, known: Lesson) -> RolloutPlan:
    """Return a plan that reckons with a lesson."""
    analysis = replace(
        plan.analysis,
        error_dispersions=known.errors,
        latency_dispersions=known.latency,
        error_clumps=known.error_clumps,
        history=known.words,
    )
    return replace(plan, analysis=analysis)


def as_known(plan: AnalysisPlan, recorded: AnalysisPlan) -> AnalysisPlan:
    """Return `plan` with what was known when another one was recorded, at its own weights."""

    def of(*, latency: bool) -> tuple[float, ...]:
        if not (recorded.latency_dispersions if latency else recorded.error_dispersions):
            return ()
        return tuple(recorded.dispersion(weight, latency=latency) for weight in plan.weights)

    return replace(
        plan,
        error_dispersions=of(latency=False),
        latency_dispersions=of(latency=True),
        error_clumps=recorded.error_clumps,
        history=recorded.history,
    )
