"""What a plan can see before it starts: how long steps take, what they miss, what a fault costs.

Expected values: evidence grows by its mean per request. Single rollouts vary around them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chimera.core.analysis import gate
from chimera.core.analysis.course import (
    Moment,
    Stretch,
    Traffic,
    gate_goals,
    gate_speeds,
    racers,
    speeds,
    stretches,
)
from chimera.core.plan import AnalysisPlan, OnNoData, Step
from chimera.core.words import count, duration, percent

FOREVER = timedelta(days=3650)
NEVER = 10**9
HALVINGS = 30
AT_FIRST = Moment()


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


def foresee(plan: AnalysisPlan, steps: Sequence[Step], traffic: Traffic) -> tuple[StepPower, ...]:
    """Return what each step takes and sees."""
    found, before = [], Moment()
    for step in steps:
        found.append(_step(plan, step, traffic, before))
        before = before.later(step.bake.total_seconds(), step.weight, traffic)
    return tuple(found)


def _step(plan: AnalysisPlan, step: Step, traffic: Traffic, before: Moment) -> StepPower:
    per_second = traffic.rate * step.weight / 100
    needed = requests_to_advance(plan, step.weight, traffic, before)
    gated = gate.null(plan, step.weight) is not None
    return StepPower(
        weight=step.weight,
        bake=step.bake,
        requests=int(per_second * step.bake.total_seconds()),
        needed=needed,
        takes=_time(needed, per_second),
        rules_out=gate.excess(plan, step.weight) if gated else 0.0,
        sees=smallest_rise(plan, step, traffic, before),
    )


def _time(requests: float, per_second: float) -> timedelta:
    if not requests:
        return timedelta(0)
    if per_second <= 0 or requests / per_second >= FOREVER.total_seconds():
        return FOREVER
    return timedelta(seconds=requests / per_second)


def requests_to_advance(
    plan: AnalysisPlan, weight: int, traffic: Traffic, before: Moment = AT_FIRST
) -> int:
    """Return how many canary requests a healthy canary needs to open the gate; 0 without one."""
    least = max((limit.min_requests for limit in plan.limits), default=0)
    left, passed = list(gate_goals(plan)), 0.0
    for stretch in stretches(plan, before, weight, traffic):
        grows = gate_speeds(plan, stretch, traffic)
        if grows is None:
            return least
        requests = traffic.rate * weight / 100 * stretch.seconds
        ways = [goal / each for goal, each in zip(left, grows, strict=True) if each > 0]
        if ways and (min(ways) <= requests or stretch.seconds == math.inf):
            return max(math.ceil(passed + min(ways)), least)
        if stretch.seconds < math.inf:
            left = [goal - each * requests for goal, each in zip(left, grows, strict=True)]
            passed += requests
    return NEVER


def time_to_find(
    plan: AnalysisPlan, course: Iterable[Stretch], traffic: Traffic, rise: float
) -> float:
    """Return after how many seconds a rise of the error rate is found, at a look; inf if never."""
    field = racers(plan)
    left, passed = [each.goal for each in field], 0.0
    for stretch in course:
        grows = speeds(plan, field, stretch, traffic, rise)
        ways = [goal / each for goal, each in zip(left, grows, strict=True) if each > 0]
        if ways and min(ways) <= stretch.seconds:
            looks = math.ceil((passed + min(ways)) / plan.interval.total_seconds())
            return looks * plan.interval.total_seconds()
        left = [goal - each * stretch.seconds for goal, each in zip(left, grows, strict=True)]
        passed += stretch.seconds
    return math.inf


def requests_to_find(plan: AnalysisPlan, weight: int, traffic: Traffic, rise: float) -> float:
    """Return how many canary requests it takes to find a rise of the error rate; inf if never."""
    course = stretches(plan, Moment(), weight, traffic, FOREVER.total_seconds())
    return time_to_find(plan, course, traffic, rise) * traffic.rate * weight / 100


def smallest_rise(
    plan: AnalysisPlan, step: Step, traffic: Traffic, before: Moment = AT_FIRST
) -> float | None:
    """Return the smallest rise of the error rate that a step's bake would find, or None."""
    seconds = step.bake.total_seconds()
    course = tuple(stretches(plan, before, step.weight, traffic, seconds))

    def unseen(rise: float) -> bool:
        return time_to_find(plan, course, traffic, rise) > seconds

    low, high = 0.0, 1.0 - traffic.error_rate
    if traffic.rate <= 0 or unseen(high):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if unseen(middle) else (low, middle)
    return high


def cost(plan: AnalysisPlan, steps: Sequence[Step], traffic: Traffic, rise: float) -> Cost:
    """Return what a fault present from the start costs under these steps."""
    course: list[Stretch] = []
    before = Moment()
    for step in steps:
        seconds = step.bake.total_seconds()
        course += stretches(plan, before, step.weight, traffic, seconds)
        before = before.later(seconds, step.weight, traffic)
    after = time_to_find(plan, course, traffic, rise)
    bad, left = 0.0, after
    for step in steps:
        seconds = min(step.bake.total_seconds(), left)
        bad += traffic.rate * step.weight / 100 * seconds * rise
        left -= seconds
    return Cost(rise, bad, None if after == math.inf else timedelta(seconds=after))


def advice(plan: AnalysisPlan, steps: Sequence[Step], traffic: Traffic) -> tuple[str, ...]:
    """Return a warning per step that is too short for its traffic, and what to do; () if none."""
    seen = foresee(plan, steps, traffic)
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
