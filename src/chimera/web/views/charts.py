"""Charts: their heads with the values of now, and the points that the browser draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chimera.app.reports import LookView, RolloutView
from chimera.app.series import Point, points
from chimera.core.checklist import metric_name, value
from chimera.core.model import Finding, Judgement
from chimera.core.plan import AnalysisPlan, Limit
from chimera.core.state import Phase
from chimera.core.words import percent

_DECIDED = {
    Phase.ROLLING_BACK: "rolled back",
    Phase.ROLLED_BACK: "rolled back",
    Phase.CLEANUP_INCOMPLETE: "decided",
    Phase.ABORTED: "aborted",
    Phase.RETIRING: "promoted",
    Phase.SUCCEEDED: "promoted",
}


@dataclass(frozen=True, slots=True)
class ChartHead:
    """A chart's title and legend. canary, stable: over the present step, as the judge sees them.

    limit: in words; "" where there is none.
    """

    key: str
    title: str
    canary: str
    stable: str
    limit: str


def chart_heads(plan: AnalysisPlan, judgement: Judgement | None) -> tuple[ChartHead, ...]:
    """Return one head per limit of the plan."""
    return tuple(_head(limit, judgement) for limit in plan.limits)


def _head(limit: Limit, judgement: Judgement | None) -> ChartHead:
    found = _finding(limit, judgement)
    unit = unit_of(limit)
    bounds = [] if limit.max is None else [value(limit.max, unit)]
    if limit.max_increase is not None:
        bounds.append(f"{percent(limit.max_increase)} above stable")
    return ChartHead(
        key=limit.metric,
        title=metric_name(limit.metric).capitalize(),
        canary=value(found.canary, unit) if found else "-",
        stable=value(found.stable, unit) if found else "-",
        limit=" or ".join(bounds),
    )


def unit_of(limit: Limit) -> str:
    """Return "ms" or "ratio"."""
    return "ratio" if limit.quantile is None else "ms"


def _finding(limit: Limit, judgement: Judgement | None) -> Finding | None:
    findings = judgement.findings if judgement else ()
    return next((one for one in findings if one.metric == limit.metric), None)


def chart_data(view: RolloutView, looks: Sequence[LookView]) -> dict[str, Any]:
    """Return what the charts begin with, as JSON: the limits, the points, where it was decided."""
    plan = view.rollout.plan.analysis
    return {
        "series": [
            {"key": one.metric, "unit": unit_of(one), "limit": one.max} for one in plan.limits
        ],
        **more_points(view, points(plan, looks)),
    }


def more_points(view: RolloutView, found: Sequence[Point]) -> dict[str, Any]:
    """Return points and the decision as JSON. at: seconds; values: pairs, null where unknown."""
    return {
        "points": [
            {
                "n": one.number,
                "at": round(one.at.timestamp(), 3),
                "weight": one.weight,
                "values": one.values,
                "verdict": one.verdict,
                "gap": one.gap,
            }
            for one in found
        ],
        "decided": _DECIDED.get(view.state.phase, ""),
    }
