"""What a plan rolls back for, and what is wrong with it at the traffic there is, in sentences."""

from __future__ import annotations

from chimera.core.analysis.outlook import Outlook, underpowered
from chimera.core.plan import RolloutPlan
from chimera.core.words import millis, percent


def say_limits(plan: RolloutPlan) -> tuple[str, ...]:
    """Return what leads to a rollback, a clause per limit: "errors exceed 1 %"."""
    found = []
    for limit in plan.analysis.limits:
        name = "errors" if limit.metric == "error_rate" else _latency(limit.metric)
        said = percent if limit.quantile is None else millis
        if limit.max is not None:
            found.append(f"{name} exceed {said(limit.max)}")
        if limit.max_increase is not None:
            found.append(f"{name} exceed stable's by more than {percent(limit.max_increase)}")
    relative = {limit.quantile is None for limit in plan.analysis.limits if limit.max_increase}
    if plan.analysis.compare and True not in relative:
        found.append(
            f"errors exceed stable's by more than {percent(plan.analysis.error_tolerance)}"
        )
    if plan.analysis.compare and False not in relative:
        slow = f"by more than {percent(plan.analysis.latency_tolerance)}"
        found.append(f"slow requests exceed stable's {slow}")
    return tuple(words.replace("latency exceed", "latency exceeds") for words in found)


def say_warnings(outlook: Outlook | None) -> tuple[str, ...]:
    """Return what is wrong with a plan at the traffic there is, in one sentence; () if nothing."""
    return tuple(f"Too little traffic: {words}." for words in underpowered(outlook))


def _latency(metric: str) -> str:
    return f"{metric.removeprefix('latency_')} latency"
