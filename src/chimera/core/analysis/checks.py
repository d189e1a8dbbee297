"""Which checks a plan asks for, and what each makes of a look: cells, bets and their null."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chimera.core.analysis import bets, cells, moods, warmth
from chimera.core.analysis.kernel import Null
from chimera.core.analysis.memory import Counts, JudgeState, past_stable
from chimera.core.analysis.question import Question, with_moods
from chimera.core.model import Look
from chimera.core.plan import AnalysisPlan, Limit

ERROR_SLACK = 2e-4
LATENCY_SLACK = 1e-3
AS_BAD = 1.25
UNCERTAIN_PAST = 8.0
ERRORS_OF_ALL = 0.6


class Kind(StrEnum):
    """limit: an absolute one. relative: the operator's, over stable. compare: always done."""

    LIMIT = "limit"
    RELATIVE = "relative"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to watch. quantile: of latency, else None; `compare` of latency looks at all."""

    kind: Kind
    metric: str
    latency: bool
    most: float
    quantile: float = 0.0
    min_requests: int = 0

    @property
    def name(self) -> str:
        """The metric as people say it."""
        if not self.latency:
            return "errors"
        return f"p{self.quantile * 100:g} latency"


def checks_of(plan: AnalysisPlan) -> tuple[Check, ...]:
    """Return every check of a plan: the operator's in its order, then the comparisons."""
    found = [check for limit in plan.limits for check in _of_limit(limit)]
    relative = {check.latency for check in found if check.kind is Kind.RELATIVE}
    if plan.compare and False not in relative:
        found.append(Check(Kind.COMPARE, "error_rate", False, plan.error_tolerance))
    if plan.compare and True not in relative:
        quantile = next((check.quantile for check in found if check.latency), 0.95)
        found.append(Check(Kind.COMPARE, "latency", True, plan.latency_tolerance, quantile))
    return tuple(found)


def _of_limit(limit: Limit) -> list[Check]:
    latency, quantile = limit.quantile is not None, limit.quantile or 0.0
    both = ((Kind.LIMIT, limit.max), (Kind.RELATIVE, limit.max_increase))
    return [
        Check(kind, limit.metric, latency, most, quantile, limit.min_requests)
        for kind, most in both
        if most is not None
    ]


def importance(checks: Sequence[Check]) -> tuple[float, ...]:
    """Return which share of the stake each check gets; they sum to 1."""
    slow = sum(check.latency for check in checks)
    failing = len(checks) - slow
    for_errors = ERRORS_OF_ALL if slow and failing else float(bool(failing))
    return tuple(
        (1 - for_errors) / slow if check.latency else for_errors / failing for check in checks
    )


def bet_shares(check: Check) -> tuple[float, ...]:
    """Return how a check's stake is spread over its bets."""
    whole = check.kind is Kind.COMPARE and check.latency
    return bets.SLOW_SHARES if whole else bets.ERROR_SHARES


def ask(check: Check, plan: AnalysisPlan, state: JudgeState, look: Look) -> Question | None:
    """Return the question that a look answers; None if it says nothing about this check.

    Only what was known before the look chooses boundaries, ratios and limits.
    """
    if not check.latency:
        return _errors(check, plan, state, look)
    if not warmth.is_warm(plan, state):
        return None
    if check.kind is Kind.COMPARE:
        return _all_latency(check, plan, state, look)
    return _quantile(check, plan, state, look)


def _errors(check: Check, plan: AnalysisPlan, state: JudgeState, look: Look) -> Question | None:
    one, other = look.canary, look.stable
    counts = Counts(one.errors, one.requests, other.errors, other.requests)
    phi, past = dispersion(plan, state, look.weight), past_stable(state)
    if check.kind is Kind.LIMIT:
        null = Null(0.0, check.most, phi)
    elif look.weight < 100:
        null = Null(1 + check.most, ERROR_SLACK, phi)
    elif not past.requests:
        return None
    else:
        usual = upper(past.errors, past.requests)
        null = Null(0.0, unseen(usual, check, plan), phi)
    question = replace(
        _two_cells(counts, null),
        clumps=plan.error_clumps or phi if plan.error_dispersions else phi,
        usual=(past.errors + 0.5) / (past.requests + 1),
    )
    # Neither moods nor a guess at clumps slow the bet that all requests fail.
    if plan.error_dispersions:
        return replace(question, outright=replace(null, phi=plan.error_clumps or phi))
    if not state.error_spread.known:
        question = replace(question, outright=replace(null, phi=1.0))
    if not null.rho or look.weight == 100:
        return question
    return with_moods(question, moods.swing(past.errors, state.elapsed_s, look.weight))


def unseen(usual: float, check: Check, plan: AnalysisPlan) -> float:
    """Return what the canary may do when no stable is left to compare with.

    The operator's own tolerance over stable's past; by default far more: times may have changed.
    """
    if check.kind is Kind.RELATIVE:
        return min(usual * (1 + check.most) + ERROR_SLACK, 1.0)
    return min(usual * UNCERTAIN_PAST + plan.harm_budget, 1.0)


def _two_cells(counts: Counts, null: Null) -> Question:
    canary = (counts.n - counts.bad, counts.bad)
    stable = (counts.stable_n - counts.stable_bad, counts.stable_bad)
    return Question(canary, stable, bets.ERROR_BETS, null, counts)


def _quantile(check: Check, plan: AnalysisPlan, state: JudgeState, look: Look) -> Question | None:
    n, stable_n = cells.timed(look.canary), cells.timed(look.stable)
    phi = dispersion(plan, state, look.weight, latency=True)
    if check.kind is Kind.LIMIT:
        slow, other = cells.over(look.canary, check.most), cells.over(look.stable, check.most)
        return _two_cells(Counts(slow, n, other, stable_n), Null(0.0, 1 - check.quantile, phi))
    past = past_stable(state)
    usual = cells.quantile_ms(past, check.quantile)
    low = None if usual is None else cells.bound_from(look.canary.bounds_ms, usual)
    high = None if low is None else cells.bound_from(look.canary.bounds_ms, low * (1 + check.most))
    if low is None or high is None:
        return None
    slow = cells.over(look.canary, high)
    if look.weight == 100:
        share = upper(cells.over(past, low), cells.timed(past))
        return _two_cells(Counts(slow, n), Null(0.0, min(share + LATENCY_SLACK, 1.0), phi))
    counts = Counts(slow, n, cells.over(look.stable, low), stable_n)
    return _two_cells(counts, Null(1.0, LATENCY_SLACK, phi))


def _all_latency(
    check: Check, plan: AnalysisPlan, state: JudgeState, look: Look
) -> Question | None:
    past = past_stable(state)
    canary, stable = look.canary, look.stable
    if look.weight == 100 or not canary.cells or canary.bounds_ms != past.bounds_ms:
        return None
    if stable.cells and stable.bounds_ms != canary.bounds_ms:
        return None
    cuts = bets.coarse(past.cells, cells.first_noticed(past))
    if not cuts:
        return None
    rho = 1 + check.most
    usual = bets.regroup(past.cells, cuts)
    ratios = tuple(bets.slow_ratios(usual, slowdown, rho) for slowdown in bets.SLOWDOWNS)
    ours, theirs = bets.regroup(canary.cells, cuts), (0.0,) * len(usual)
    if stable.cells:
        theirs = bets.regroup(stable.cells, cuts)
    worst = max(len(cuts) // 2, 1)
    counts = Counts(sum(ours[worst:]), int(sum(ours)), sum(theirs[worst:]), int(sum(theirs)))
    phi = dispersion(plan, state, look.weight, latency=True)
    return Question(ours, theirs, ratios, Null(rho, LATENCY_SLACK, phi), counts)


def upper(bad: float, n: int) -> float:
    """Return a rate that stable's true one hardly exceeds: two standard deviations up."""
    return min(1.0, (bad + 2 + 2 * math.sqrt(bad + 1)) / n) if n else 1.0


def dispersion(
    plan: AnalysisPlan, state: JudgeState, weight: int, *, latency: bool = False
) -> float:
    """Return phi: what the plan knows from the service's past, else what stable showed so far.

    Only looks before the one to be judged count, so the evidence stays sound.
    """
    if plan.latency_dispersions if latency else plan.error_dispersions:
        return plan.dispersion(weight, latency=latency)
    return (state.latency_spread if latency else state.error_spread).phi
