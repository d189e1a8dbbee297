"""What a plan can see before it starts: how long steps take, what they miss, what a fault costs.

Expected values: evidence grows by its mean per request. Single rollouts vary around them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chimera.core.analysis import bets, gate
from chimera.core.analysis.checks import (
    ERROR_SLACK,
    Kind,
    checks_of,
    dispersion,
    importance,
    unseen,
)
from chimera.core.analysis.kernel import AT_START, Null, log_e, pays
from chimera.core.analysis.memory import JudgeState
from chimera.core.plan import AnalysisPlan, OnNoData, Step
from chimera.core.words import count, duration, percent

FOREVER = timedelta(days=3650)
GRID = 60


@dataclass(frozen=True, slots=True)
class StepPower:
    """One step at the present traffic.

    requests: the canary's during the bake. needed, takes: how many, and how long until, a fault of
    `rules_out` more errors is ruled out; 0 where there is no gate. sees: the smallest rise of the
    error rate that the bake would probably find; None if none.
    """

    weight: int
    bake: timedelta
    requests: int
    needed: int
    takes: timedelta
    rules_out: float
    sees: float | None

    @property
    def enough(self) -> bool:
        """Whether the bake suffices to advance."""
        return self.takes <= self.bake

    @property
    def warning(self) -> str:
        """What is wrong with this step, in a sentence; "" if nothing."""
        if self.enough:
            return ""
        needed = f"needs about {count(self.needed, 'canary request')}"
        if self.takes >= FOREVER:
            return f"the {self.weight} % step {needed}, but there is no traffic"
        ruled_out = f" to rule out +{percent(self.rules_out)} errors" if self.rules_out else ""
        return (
            f"the {self.weight} % step {needed}{ruled_out}:"
            f" {duration(self.takes)} at this traffic, not {duration(self.bake)}"
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a fault would cost: bad responses until the rollback, and when; None: not found."""

    rise: float
    bad: float
    found_after: timedelta | None


def foresee(
    plan: AnalysisPlan, steps: Sequence[Step], rate: float, error_rate: float
) -> tuple[StepPower, ...]:
    """Return what each step takes and sees. rate: requests a second; error_rate: stable's ratio."""
    return tuple(_step(plan, step, rate, error_rate) for step in steps)


def _step(plan: AnalysisPlan, step: Step, rate: float, error_rate: float) -> StepPower:
    seconds = step.bake.total_seconds()
    per_second = rate * step.weight / 100
    needed = requests_to_advance(plan, step.weight, error_rate)
    takes = _time(needed, per_second)
    sees = smallest_rise(plan, step.weight, int(per_second * seconds), error_rate)
    gated = gate.null(plan, step.weight) is not None
    rules_out = gate.excess(plan, step.weight) if gated else 0.0
    requests = int(per_second * seconds)
    return StepPower(step.weight, step.bake, requests, needed, takes, rules_out, sees)


def _time(requests: float, per_second: float) -> timedelta:
    if not requests:
        return timedelta(0)
    if per_second <= 0 or requests / per_second >= FOREVER.total_seconds():
        return FOREVER
    return timedelta(seconds=requests / per_second)


def requests_to_advance(plan: AnalysisPlan, weight: int, error_rate: float) -> int:
    """Return how many canary requests a healthy canary needs to open the gate; 0 without one."""
    least = max((limit.min_requests for limit in plan.limits), default=0)
    harm = gate.null(plan, weight, dispersion(plan, JudgeState(), weight))
    if harm is None:
        return least
    goal = -math.log(plan.doubt)
    ways = [
        (goal - math.log(share)) / drift
        for share, drift in zip(
            bets.GATE_SHARES, gate.drifts(error_rate, weight / 100, harm), strict=True
        )
        if drift > 0
    ]
    return max(math.ceil(min(ways)), least) if ways else 10**9


def requests_to_find(plan: AnalysisPlan, weight: int, error_rate: float, rise: float) -> float:
    """Return how many canary requests it takes to find a rise of the error rate; inf if never."""
    checks = checks_of(plan)
    shares = importance(checks)
    ways = [math.inf]
    for check, importance_of in zip(checks, shares, strict=True):
        if check.latency:
            continue
        phi = dispersion(plan, JudgeState(), weight)
        null = Null(1 + check.most, ERROR_SLACK, phi)
        if check.kind is Kind.LIMIT:
            null = Null(0.0, check.most, phi)
        elif weight == 100:
            null = Null(0.0, unseen(error_rate, check, plan), phi)
        for share, drift in zip(
            bets.ERROR_SHARES, _drifts(null, weight, error_rate, rise), strict=True
        ):
            if drift > 0:
                goal = -math.log(plan.alpha * importance_of * share * AT_START)
                ways.append(max(goal / drift, 1.0))
    return min(ways)


def _drifts(null: Null, weight: int, error_rate: float, rise: float) -> tuple[float, ...]:
    share = weight / 100
    bad = min(error_rate + rise, 1.0)
    rest = (1 - share) / share
    both = ((1 - bad, bad), ((1 - error_rate) * rest, error_rate * rest))
    return tuple(log_e(*both, pays(ratios, share, null), null) for ratios in bets.ERROR_BETS)


def smallest_rise(
    plan: AnalysisPlan, weight: int, requests: int, error_rate: float
) -> float | None:
    """Return the smallest rise of the error rate found within so many canary requests, or None."""
    low, high = 0.0, 1.0 - error_rate
    if requests_to_find(plan, weight, error_rate, high) > requests:
        return None
    for _ in range(GRID):
        middle = (low + high) / 2
        if requests_to_find(plan, weight, error_rate, middle) > requests:
            low = middle
        else:
            high = middle
    return high


def cost(
    plan: AnalysisPlan, steps: Sequence[Step], rate: float, error_rate: float, rise: float
) -> Cost:
    """Return what a fault present from the start costs under these steps.

    Evidence carries over from step to step; each step gives its share of what is needed.
    """
    found, passed, requests = 0.0, 0.0, 0.0
    for step in steps:
        seconds, per_second = step.bake.total_seconds(), rate * step.weight / 100
        if per_second <= 0:
            continue
        speed = per_second / requests_to_find(plan, step.weight, error_rate, rise)
        if speed > 0 and found + speed * seconds >= 1:
            last = (1 - found) / speed
            bad = (requests + per_second * last) * rise
            return Cost(rise, bad, timedelta(seconds=passed + last))
        found, passed, requests = (
            found + speed * seconds,
            passed + seconds,
            requests + per_second * seconds,
        )
    return Cost(rise, requests * rise, None)


def advice(
    plan: AnalysisPlan, steps: Sequence[Step], rate: float, error_rate: float
) -> tuple[str, ...]:
    """Return a warning per step that is too short for its traffic, and what to do; () if none."""
    seen = foresee(plan, steps, rate, error_rate)
    warnings = [step.warning for step in seen if step.warning]
    if not warnings:
        return ()
    whole = sum((max(step.bake, step.takes) for step in seen), timedelta(0))
    if any(step.takes >= FOREVER for step in seen):
        return (*warnings, "send traffic to the service, or promote by hand")
    better = "longer steps, fewer steps or a larger first weight fit better"
    stuck = next((s for s in seen if s.takes > s.bake + plan.no_data_deadline), None)
    if stuck is None:
        lasts = f"the rollout holds at those weights and takes about {duration(whole)}"
        return (*warnings, f"{lasts}; {better}")
    held = duration(stuck.bake + plan.no_data_deadline)
    then = "rolls back" if plan.on_no_data is OnNoData.ROLLBACK else "pauses"
    ends = f"the rollout {then} at {stuck.weight} % after {held} for lack of evidence"
    return (*warnings, f"{ends}; {better}, and a longer noDataDeadline waits for it")
