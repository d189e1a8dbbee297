"""From the judge's memory to what people read: one finding per check, and what is still needed."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from chimera.core.analysis import gate, warmth
from chimera.core.analysis.checks import Check, Kind, bet_shares, checks_of, importance
from chimera.core.analysis.kernel import NEVER, log_sum, log_wealth
from chimera.core.analysis.memory import Evidence, JudgeState
from chimera.core.analysis.numbers import Numbers, as_bad, numbers
from chimera.core.analysis.own import main_alpha
from chimera.core.analysis.wording import describe_evidence, describe_test, sentence, warms_up
from chimera.core.model import Finding, Verdict
from chimera.core.plan import AnalysisPlan
from chimera.core.words import count, duration, percent

SUSPICION = math.log(10.0)
UNMEASURED = "latency buckets that reach beyond the limit"


def find(plan: AnalysisPlan, state: JudgeState) -> tuple[Finding, ...]:
    """Return one finding per check, in the plan's order, without comparisons that lack numbers."""
    checks = checks_of(plan)
    worth = wealths(checks, state)
    guilty = blamed(plan, checks, state, worth)
    return tuple(
        _finding(plan, check, state, index, worth[index], guilty=index in guilty)
        for index, check in enumerate(checks)
        if _applies(plan, check, state)
    )


def wealths(checks: tuple[Check, ...], state: JudgeState) -> tuple[float, ...]:
    """Return ln of each check's evidence; 0 before the first look."""
    known = state.checks if len(state.checks) == len(checks) else (Evidence(),) * len(checks)
    return tuple(
        log_wealth(evidence.logs(len(bet_shares(check))), bet_shares(check), state.cash)
        for check, evidence in zip(checks, known, strict=True)
    )


def blamed(
    plan: AnalysisPlan, checks: tuple[Check, ...], state: JudgeState, worth: tuple[float, ...]
) -> frozenset[int]:
    """Return the checks that condemn the canary, once the evidence of all suffices; else none.

    The strongest does, and every other that would suffice alone.
    """
    strength = [
        NEVER if as_bad(check, state) else math.log(share) + each
        for check, share, each in zip(checks, importance(checks), worth, strict=True)
    ]
    enough = -math.log(main_alpha(plan))
    if log_sum(strength) < enough:
        return frozenset()
    strongest = strength.index(max(strength))
    return frozenset({strongest, *(i for i, each in enumerate(strength) if each >= enough)})


def needs(plan: AnalysisPlan, state: JudgeState) -> str:
    """Return what is missing before the canary may advance; "" if nothing."""
    checks = checks_of(plan)
    for check, worth in zip(checks, wealths(checks, state), strict=True):
        seen = numbers(check, state)
        if _applies(plan, check, state) and not _cleared(plan, check, state, seen, worth):
            return _missing(plan, check, state, seen, suspect=worth >= SUSPICION)
    return ""


def _applies(plan: AnalysisPlan, check: Check, state: JudgeState) -> bool:
    """Leave out a comparison that has nothing to compare: no buckets, or no stable ever seen."""
    if check.kind is not Kind.COMPARE:
        return True
    seen = numbers(check, state)
    if check.latency and warmth.seems_cold(plan, state):
        return True
    if check.latency:
        return seen.canary is not None and seen.stable is not None
    return state.weight < 100 or seen.stable is not None


def _cleared(
    plan: AnalysisPlan, check: Check, state: JudgeState, seen: Numbers, worth: float
) -> bool:
    if worth >= SUSPICION or seen.n < check.min_requests or not seen.n:
        return False
    if _gated(plan, check, state):
        return gate.is_open(state)
    return check.kind is Kind.COMPARE or bool(seen.within)


def _gated(plan: AnalysisPlan, check: Check, state: JudgeState) -> bool:
    """Return whether the harm budget's gate speaks for this check, not its estimate."""
    compared = check.kind is not Kind.LIMIT and not check.latency
    return compared and gate.null(plan, state.weight) is not None


def _missing(
    plan: AnalysisPlan, check: Check, state: JudgeState, seen: Numbers, *, suspect: bool
) -> str:
    if check.latency and warmth.seems_cold(plan, state):
        last = duration(plan.slow_start)
        return f"latency like stable's; as it is {last} after the canary's start, it is judged"
    if seen.n < check.min_requests:
        needed = f"{seen.n:,} of {count(check.min_requests, 'request')}"
        if seen.n or not state.canary.requests:
            return needed
        if warms_up(plan, check, state):
            return f"{needed}: latency is judged after a warm-up of {duration(plan.warm_up)}"
        return f"{needed}: no latency is measured yet"
    if not state.canary.requests:
        return "requests on the canary"
    if as_bad(check, state):
        return f"stable within the limit again: its {check.name} exceed it too"
    if _gated(plan, check, state) and not (suspect and gate.is_open(state)):
        return _gate_needs(plan, state, worse=seen.within is False)
    if seen.within is None:
        if check.kind is not Kind.LIMIT and not seen.stable_n:
            return "traffic on stable to compare with"
        return UNMEASURED
    return f"more requests, to tell a fault from chance in {check.name}"


def _gate_needs(plan: AnalysisPlan, state: JudgeState, *, worse: bool) -> str:
    ruled_out = f"to rule out +{percent(gate.excess(plan, state.weight))} errors"
    more = gate.requests_to_go(plan, state)
    if not more:
        return f"more requests, {ruled_out}"
    rate = state.canary.requests / max(state.window.total_seconds(), 1e-9)
    wait = duration(timedelta(seconds=min(more / rate, 1e9))) if rate > 0 else "unknown time"
    roughly = int(float(f"{more:.2g}"))
    time = f"{wait} at the present rate"
    if worse:
        time += " if it fails no more than stable from now on"
    return f"about {count(roughly, 'more request')}, {time}, {ruled_out}"


def _finding(
    plan: AnalysisPlan, check: Check, state: JudgeState, index: int, worth: float, *, guilty: bool
) -> Finding:
    seen = numbers(check, state)
    if guilty:
        verdict = Verdict.UNHEALTHY
    elif _cleared(plan, check, state, seen, worth):
        verdict = Verdict.HEALTHY
    else:
        verdict = Verdict.INCONCLUSIVE
    evidence = state.checks[index] if index < len(state.checks) else Evidence()
    span, since = state.window, evidence.since
    if guilty and not check.latency and since.n:
        span = timedelta(seconds=evidence.since_s)
        stable = since.stable_bad / since.stable_n if since.stable_n else seen.stable
        seen = replace(
            seen,
            canary=since.bad / since.n,
            stable=stable,
            n=since.n,
            stable_n=since.stable_n or seen.stable_n,
            bad=round(since.bad),
        )
    return Finding(
        metric=check.metric,
        verdict=verdict,
        canary=seen.canary,
        stable=seen.stable,
        limit=seen.limit,
        n=seen.n,
        stable_n=seen.stable_n,
        test=describe_test(plan, check, state),
        evidence=describe_evidence(plan, check, state, worth, evidence.since),
        window=span,
        sentence=sentence(plan, check, state, seen, span, verdict),
        unit="ms" if check.latency else "ratio",
    )
