"""Evidence over time in a report: its looks judged once more, some moments of it for a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chimera.app.reports import LookView, RolloutView
from chimera.core.analysis.trace import EvidencePoint, trace
from chimera.core.words import chance, duration, percent

# Judging looks again takes time; of a longer rollout `chimera replay` draws the evidence.
MOST_LOOKS, MOST_POINTS = 5_000, 400
ROWS = 12
HEADINGS = (
    "After", "Weight", "Canary", "Stable", "Verdict", "If the canary were healthy",
    "Towards a rollback", "Harm ruled out",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """Points for a chart, oldest first, at most about MOST_POINTS; rows for a table.

    too_long: there are more looks than are judged again, so there is neither.
    """

    points: tuple[EvidencePoint, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    too_long: bool = False

    def __bool__(self) -> bool:
        return self.too_long or len(self.points) > 1


def evidence_of(view: RolloutView, looks: Sequence[LookView]) -> Evidence:
    """Return a rollout's evidence over time; nothing where nothing is compared or limited."""
    plan = view.rollout.plan
    if plan.install or not (plan.analysis.compare or plan.analysis.limits):
        return Evidence()
    if len(looks) > MOST_LOOKS:
        return Evidence(too_long=True)
    points = trace(plan.analysis, ((one.step, one.look) for one in looks)).points
    return Evidence(_thinned(points), tuple(_row(point) for point in _some(points)))


def share(value: float | None) -> float | None:
    """Return a share of what is needed, within 0 and 1."""
    return None if value is None else min(max(value, 0.0), 1.0)


def _thinned(points: Sequence[EvidencePoint]) -> tuple[EvidencePoint, ...]:
    """Return of each stretch of looks the one with most evidence against the canary."""
    size = max(-(-len(points) // MOST_POINTS), 1)
    stretches = (points[start : start + size] for start in range(0, len(points), size))
    return tuple(max(each, key=lambda point: point.guilt) for each in stretches)


def _some(points: Sequence[EvidencePoint]) -> list[EvidencePoint]:
    step = max((len(points) - 1) / (ROWS - 1), 1.0)
    chosen = {round(step * number) for number in range(ROWS)} | {len(points) - 1}
    return [points[index] for index in sorted(chosen) if 0 <= index < len(points)]


def _row(point: EvidencePoint) -> tuple[str, ...]:
    def said(value: float | None) -> str:
        return "-" if value is None else percent(value)

    return (
        duration(timedelta(seconds=point.after_s)),
        f"{point.weight} %",
        said(point.canary),
        said(point.stable),
        point.verdict.value,
        chance(10 ** min(point.log10_odds, 300.0)),
        said(share(point.guilt)),
        said(share(point.clearance)),
    )
