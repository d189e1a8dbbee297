"""How a canary is judged, each setting in force in one plain sentence with its value."""

from __future__ import annotations

from collections.abc import Iterator

from chimera.core.plan import AnalysisPlan, Limit, OwnKind
from chimera.core.words import count, duration, percent


def judging(plan: AnalysisPlan) -> Iterator[str]:
    """Yield one sentence per setting."""
    yield from _compared(plan)
    healthy = "as healthy as stable" if plan.compare else "within its limits"
    rare = percent(plan.alpha)
    yield f"A version {healthy} is rolled back by chance in {rare} of rollouts."
    if plan.compare:
        most, doubt = percent(plan.harm_budget), percent(plan.doubt)
        yield (
            f"A step ends once errors that would spoil {most} of all responses at the next weight"
            f" are ruled out; a worse version passes it by chance in {doubt} of cases."
        )
    yield from _enough(plan)
    if plan.compare or any(limit.quantile for limit in plan.limits):
        yield _warming_up(plan)
    if plan.skew:
        yield (
            f"The versions' numbers may lie {duration(plan.skew)} apart: a look waits so long,"
            " and counts only if stable was well all the while."
        )


def _compared(plan: AnalysisPlan) -> Iterator[str]:
    own = [limit for limit in plan.limits if limit.max_increase is not None]
    for name, most, latency in (
        ("Errors are", plan.error_tolerance, False),
        ("Latency is", plan.latency_tolerance, True),
    ):
        said = [limit for limit in own if (limit.quantile is not None) == latency]
        if not said and plan.compare:
            whose = "stable's slow requests" if latency else "stable's"
            yield f"{name} compared: more than {percent(most)} above {whose} is a fault."
        for limit in said:
            more = percent(limit.max_increase or 0.0)
            verb = "is" if latency else "are"
            yield f"{_name(limit)} {verb} compared: more than {more} above stable's is a fault."


def _enough(plan: AnalysisPlan) -> Iterator[str]:
    needed = {limit.min_requests for limit in plan.limits}
    if len(needed) == 1:
        requests = count(needed.pop(), "request")
        yield f"A check passes only after {requests} to the canary."
    elif needed:
        each = ", ".join(
            f"{_name(limit).lower()} after {limit.min_requests:,}" for limit in plan.limits
        )
        yield f"A check passes only after enough requests to the canary: {each}."
    for metric in plan.own:
        what = "event" if metric.kind is OwnKind.RATE else "value"
        yield f"A check of {metric.name} passes only after {count(metric.min_points, what)}."


def _warming_up(plan: AnalysisPlan) -> str:
    if not plan.slow_start:
        return "The canary's latency is judged from its first request."
    first = duration(plan.warm_up)
    if plan.slow_start <= plan.warm_up:
        return f"The canary's latency is not judged in its first {first}."
    slow = f"until {duration(plan.slow_start)} not while it is slower than stable"
    if not plan.warm_up:
        return f"The canary's latency is judged, but {slow}."
    return f"The canary's latency is not judged in its first {first}, and {slow}."


def _name(limit: Limit) -> str:
    return "Errors" if limit.quantile is None else f"P{limit.quantile * 100:g} latency"
