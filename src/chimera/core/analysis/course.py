"""How evidence grows on average: the judge's own questions, put to the numbers to be expected."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chimera.core.analysis import bets, gate
from chimera.core.analysis.checks import Check, ask, bet_shares, checks_of, importance
from chimera.core.analysis.dispersion import MIN_EVENTS, MIN_PAIRS, Spread
from chimera.core.analysis.kernel import AT_START, log_e, pays
from chimera.core.analysis.memory import JudgeState
from chimera.core.analysis.own import main_alpha
from chimera.core.analysis.question import Bet
from chimera.core.model import Look, Tally
from chimera.core.plan import AnalysisPlan, Step

_AT = datetime(1970, 1, 1, tzinfo=UTC)
_SOON_S = 30.0
MANY = 1000


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a service meets. rate: requests/s; error_rate: of stable's responses, from 0 to 1."""

    rate: float
    error_rate: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of stable after `elapsed_s` of a rollout: requests, and bad ones."""

    elapsed_s: float = 0.0
    requests: float = 0.0
    errors: float = 0.0

    def later(self, seconds: float, weight: int, traffic: Traffic) -> Moment:
        """Return what is known after some more seconds at a weight."""
        requests = traffic.rate * (1 - weight / 100) * seconds
        return Moment(
            self.elapsed_s + seconds,
            self.requests + requests,
            self.errors + requests * traffic.error_rate,
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time at one weight in which evidence grows evenly: what the judge knows stays alike."""

    weight: int
    seconds: float
    state: JudgeState


def stretches(
    plan: AnalysisPlan, before: Moment, weight: int, traffic: Traffic, seconds: float = math.inf
) -> Iterator[Stretch]:
    """Yield what a time at a weight consists of: until stable's clumps are known, and after."""
    unknown = 0.0 if plan.error_dispersions else _unknown_s(plan, before, weight, traffic)
    for length, known in ((min(unknown, seconds), False), (seconds - unknown, True)):
        if length > 0:
            middle = before.later(min(length / 2, _SOON_S), weight, traffic)
            yield Stretch(weight, length, _state(plan, middle, weight, known=known))
            before = before.later(length, weight, traffic) if length < math.inf else before


def _unknown_s(plan: AnalysisPlan, before: Moment, weight: int, traffic: Traffic) -> float:
    looks_s = 2 * MIN_PAIRS * plan.interval.total_seconds() - before.elapsed_s
    missing = MIN_EVENTS - before.errors
    failing = traffic.rate * (1 - weight / 100) * traffic.error_rate
    if missing > 0 and failing <= 0:
        return math.inf
    return max(looks_s, missing / failing if missing > 0 else 0.0, 0.0)


def _state(plan: AnalysisPlan, now: Moment, weight: int, *, known: bool) -> JudgeState:
    events = max(now.errors, MIN_EVENTS) if known else min(now.errors, MIN_EVENTS - 1)
    # Stable shows what the plan knows; where that is nothing, failures are taken for single ones.
    clumps = plan.error_clumps or plan.dispersion(weight)
    return JudgeState(
        stable=Tally(round(now.requests), round(now.errors)),
        weight=weight,
        elapsed_s=now.elapsed_s,
        started=True,
        error_spread=Spread(clumps * events, events, MANY if known else 0, events),
    )


@dataclass(frozen=True, slots=True)
class Racer:
    """One bet of a check on its way to a rollback; goal: the ln of its value that suffices."""

    check: Check
    index: int
    goal: float


def racers(plan: AnalysisPlan) -> tuple[Racer, ...]:
    """Return every bet on the error rate."""
    checks = checks_of(plan)
    return tuple(
        Racer(check, index, -math.log(main_alpha(plan) * weight * share * AT_START))
        for check, weight in zip(checks, importance(checks), strict=True)
        if not check.latency
        for index, share in enumerate(bet_shares(check))
    )


def speeds(
    plan: AnalysisPlan, field: Sequence[Racer], stretch: Stretch, traffic: Traffic, rise: float
) -> tuple[float, ...]:
    """Return by how much each bet's ln grows per second if the canary has `rise` more errors."""
    interval_s = plan.interval.total_seconds()
    share, all_of_it = stretch.weight / 100, traffic.rate * interval_s
    canary = _expected(all_of_it * share, min(traffic.error_rate + rise, 1.0))
    stable = _expected(all_of_it * (1 - share), traffic.error_rate)
    empty = Look(_AT, plan.interval, stretch.weight)
    asked = {one: ask(one, plan, stretch.state, empty) for one in {each.check for each in field}}
    bets_of = {
        check: replace(question, canary=canary, stable=stable).bets if question else ()
        for check, question in asked.items()
    }
    return tuple(
        _growth(canary, stable, share, bets_of[each.check][each.index]) / interval_s
        if bets_of[each.check]
        else 0.0
        for each in field
    )


def discounts(
    plan: AnalysisPlan, steps: Sequence[Step], traffic: Traffic
) -> tuple[tuple[float, int], ...]:
    """Return by how much evidence against stable is divided at most, and at which weight."""
    check = gate.gated_check(plan)
    found, before = [], Moment()
    for step in steps:
        seconds = step.bake.total_seconds()
        for stretch in stretches(plan, before, step.weight, traffic, seconds):
            look = Look(_AT, plan.interval, step.weight)
            question = ask(check, plan, stretch.state, look) if check else None
            if question and question.null.rho:
                found.append((question.null.phi, step.weight))
        before = before.later(seconds, step.weight, traffic)
    return tuple(found)


def _expected(n: float, rate: float) -> tuple[float, float]:
    return n * (1 - rate), n * rate


def _growth(
    canary: tuple[float, float], stable: tuple[float, float], share: float, bet: Bet
) -> float:
    if bet.once:
        bad = -math.expm1(-canary[1])
        canary = (sum(canary) - bad, bad)
    return log_e(canary, stable, pays(bet.ratios, share, bet.null), bet.null)


def gate_speeds(plan: AnalysisPlan, stretch: Stretch, traffic: Traffic) -> tuple[float, ...] | None:
    """Return by how much each of the gate's bets grows per canary request; None without a gate."""
    clumps = gate.clumps(plan, stretch.state, stretch.weight)
    harm = gate.null(plan, stretch.weight, clumps)
    if harm is None:
        return None
    return gate.drifts(traffic.error_rate, stretch.weight / 100, harm)


def gate_goals(plan: AnalysisPlan) -> tuple[float, ...]:
    """Return the ln of each gate bet's value that suffices to advance."""
    return tuple(-math.log(plan.doubt * share) for share in bets.GATE_SHARES)
