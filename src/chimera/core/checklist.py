"""What each check measured, against what, and what it says: the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.core.model import Finding, Judgement, Verdict
from chimera.core.plan import AnalysisPlan, Limit
from chimera.core.words import millis, number, percent


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check in words; "-" is unknown. n: canary requests in the window."""

    name: str
    canary: str
    stable: str
    limit: str
    n: int
    verdict: Verdict
    evidence: str
    sentence: str


def checklist(plan: AnalysisPlan, judgement: Judgement) -> tuple[CheckRow, ...]:
    """Return one row per check in the plan's order, although the judge sorts by verdict."""
    order = [limit.metric for limit in plan.limits]
    found = sorted(
        judgement.findings,
        key=lambda f: (order.index(f.metric) if f.metric in order else 99, f.test),
    )
    return tuple(
        CheckRow(
            name=name_of(plan, one),
            canary=value(one.canary, one.unit),
            stable=value(one.stable, one.unit),
            limit=value(one.limit, one.unit),
            n=one.n,
            verdict=one.verdict,
            evidence=one.evidence,
            sentence=one.sentence,
        )
        for one in found
    )


def value(found: float | None, unit: str) -> str:
    """Say a finding's number in its unit; "-" if unknown."""
    if found is None:
        return "-"
    if unit == "number":
        return number(found)
    return millis(found) if unit == "ms" else percent(found)


def metric_name(metric: str) -> str:
    """Say a metric: "errors", "p95 latency"."""
    if metric == "error_rate":
        return "errors"
    if not metric.startswith("latency"):
        return metric
    return f"{metric.removeprefix('latency').removeprefix('_')} latency".lstrip()


def name_of(plan: AnalysisPlan, finding: Finding) -> str:
    """Say what a finding is about: a metric, and if it is compared with stable or a catastrophe."""
    metric = metric_name(finding.metric)
    if "against stable's" in finding.test:
        return f"{metric} vs stable"
    limit = _limit(plan, finding.metric)
    if limit is None or finding.limit == limit.max:
        return metric
    return f"{metric}, outright"


def _limit(plan: AnalysisPlan, metric: str) -> Limit | None:
    return next((limit for limit in plan.limits if limit.metric == metric), None)
