"""The judge: `begin` a watch, `observe` each look, `conclude` at any moment.

The contract. `observe` may return UNHEALTHY at any look: with at most a chance of alpha over the
whole deployment it says so of a version that is as healthy as stable and keeps its limits, however
often one looks. HEALTHY: a fault worth the harm budget is ruled out for the next weight, and every
limit is kept by the numbers of this watch: advance once the bake is over. INCONCLUSIVE: hold;
`needs` says what is missing. `conclude` gives the same answer without a new look, at the end of a
bake or when readings fail; numbers that are too old say nothing. `dump` and `load` carry a watch
over a restart; `begin` with what a former watch dumped keeps the deployment's evidence and starts a
new window.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from chimera.core.analysis import cells, findings, gate, skew, warmth
from chimera.core.analysis.checks import Check, ask, bet_shares, checks_of
from chimera.core.analysis.dispersion import Spread
from chimera.core.analysis.kernel import NEVER, grow, stake, traffic_share
from chimera.core.analysis.looks import merge
from chimera.core.analysis.memory import Evidence, JudgeState, dump, load, past_stable
from chimera.core.analysis.ownfindings import find_own, learn_own, own_needs
from chimera.core.analysis.question import Question, weigh
from chimera.core.model import Judgement, Look, Tally, Verdict
from chimera.core.plan import AnalysisPlan
from chimera.core.words import duration

__all__ = ["JudgeState", "begin", "conclude", "dump", "load", "observe"]

DRIFT_BET = 1
SLOW = 0.9
STALE = timedelta(seconds=10)
WAITING = "they are judged once both versions' are complete"
UNSEEN = "what stable did just before is not known"
TROUBLED = "stable is in trouble too, so the canary is not judged now"
_WORST = (Verdict.UNHEALTHY, Verdict.INCONCLUSIVE, Verdict.HEALTHY)


def begin(plan: AnalysisPlan, evidence: str = "") -> JudgeState:
    """Return the state of a new watch; `evidence` is what the deployment's former watch dumped."""
    former = load(evidence)
    checks = former.checks if len(former.checks) == len(checks_of(plan)) else ()
    return replace(
        former,
        canary=Tally(),
        stable=Tally(),
        window=timedelta(0),
        gate=(),
        gate_passed=False,
        past_stable=past_stable(former),
        seen_at=None,
        gap="",
        waiting=former.waiting,
        judged=former.waiting[-1] if former.waiting else None,
        checks=checks,
        own=tuple(one.renewed() for one in former.own),
    )


def observe(plan: AnalysisPlan, state: JudgeState, look: Look) -> tuple[JudgeState, Judgement]:
    """Return what a look makes of the state, and the judgement after it."""
    if look.gap:
        after = replace(state, gap=look.gap)
    elif plan.skew:
        after = _learn_late(plan, state, look)
    else:
        after = _learn(plan, state, look)
    return after, conclude(plan, after, look.at)


def _learn_late(plan: AnalysisPlan, state: JudgeState, look: Look) -> JudgeState:
    waiting = skew.wait(state.waiting, look, plan.skew)
    state = replace(state, waiting=waiting, gap=WAITING if state.seen_at is None else "")
    for each in skew.ripe(waiting, state.judged, plan.skew):
        if not skew.covered(each, waiting, plan.skew):
            state = replace(state, judged=each, gap=UNSEEN if state.seen_at is None else "")
        elif skew.troubled(each, waiting, past_stable(state), plan.skew):
            state = replace(state, judged=each, gap=TROUBLED)
        else:
            state = replace(_learn(plan, state, each), judged=each)
    return state


def conclude(plan: AnalysisPlan, state: JudgeState, at: datetime) -> Judgement:
    """Return the judgement at a moment, from the looks so far."""
    own = find_own(plan, state)
    found = (*findings.find(plan, state), *own)
    ranked = sorted(found, key=lambda finding: _WORST.index(finding.verdict))
    said = tuple(ranked)
    worst = said[0].verdict if said else Verdict.INCONCLUSIVE
    if worst is Verdict.UNHEALTHY:
        return Judgement(at, worst, said[0].sentence, said)
    blind = _blind(plan, state, at)
    if blind:
        needed = "fresh numbers of both versions"
        return Judgement(at, Verdict.INCONCLUSIVE, blind, said, needed)
    sentence = said[0].sentence if said else "no limit is set, so nothing can be judged"
    needs = ""
    if worst is Verdict.INCONCLUSIVE:
        needs = findings.needs(plan, state) or own_needs(plan, own)
    return Judgement(at, worst, sentence, said, needs)


def _blind(plan: AnalysisPlan, state: JudgeState, at: datetime) -> str:
    why = f": {state.gap}" if state.gap else ""
    if state.seen_at is None:
        return f"no numbers yet{why}"
    age = at - state.seen_at
    if age > max(3 * plan.interval, STALE) + plan.skew:
        return f"no usable numbers for {duration(age)}{why}"
    return ""


def _learn(plan: AnalysisPlan, state: JudgeState, look: Look) -> JudgeState:
    span = max(look.span.total_seconds(), 0.0)
    changed = state.started and look.weight != state.weight
    changes = state.changes + changed
    staked = stake(state.elapsed_s, span, changes, first=not state.started, changed=changed)
    staked = min(staked, state.cash)
    checks = checks_of(plan)
    known = state.checks if len(state.checks) == len(checks) else (Evidence(),) * len(checks)
    learnt = tuple(
        _weigh(check, evidence, ask(check, plan, state, look), share_of(state, look), staked, span)
        for check, evidence in zip(checks, known, strict=True)
    )
    cold = not warmth.is_warm(plan, state)
    warm, warming, warming_s = warmth.grow_warm(plan, state, look)
    canary = replace(look.canary, bounds_ms=(), cells=()) if cold else look.canary
    opened = gate.advance(plan, state, look, share_of(state, look))
    return replace(
        state,
        canary=merge(state.canary, canary),
        stable=merge(state.stable, look.stable),
        window=state.window + look.span,
        gate=opened,
        gate_passed=state.gate_passed or gate.passes(plan, opened),
        weight=look.weight,
        elapsed_s=state.elapsed_s + span,
        served_s=state.served_s + (span if look.weight else 0.0),
        warm=warm,
        warming=warming,
        warming_s=warming_s,
        error_spread=state.error_spread.learn(look.stable.errors, look.stable.requests),
        latency_spread=_slow_spread(state, look),
        changes=changes,
        spent=min(state.spent + staked, 1.0),
        started=True,
        seen_at=look.at,
        gap="",
        checks=learnt,
        own=learn_own(plan, state, look, share_of(state, look), staked),
    )


def _slow_spread(state: JudgeState, look: Look) -> Spread:
    """Learn how stable's slow requests cluster; what is slow was known before the look."""
    past = past_stable(state)
    usual = cells.quantile_ms(past, SLOW)
    bound = None if usual is None else cells.bound_from(past.bounds_ms, usual)
    if bound is None or look.stable.bounds_ms != past.bounds_ms:
        return state.latency_spread
    return state.latency_spread.learn(cells.over(look.stable, bound), cells.timed(look.stable))


def share_of(state: JudgeState, look: Look) -> float:
    """Return the canary's share of the traffic that a look is judged with."""
    past = (state.canary.requests, state.stable.requests)
    return traffic_share(look.canary.requests, look.stable.requests, look.weight, *past)


def _weigh(
    check: Check,
    evidence: Evidence,
    question: Question | None,
    share: float,
    staked: float,
    span: float,
) -> Evidence:
    number = len(bet_shares(check))
    if question is None:
        bets = grow(evidence.logs(number), staked, (0.0,) * number)
        return replace(evidence, bets=_plain(bets), since_s=evidence.since_s + span)
    log_es = weigh(question, share)
    drift = evidence.drift + log_es[DRIFT_BET]
    suspicious = drift > 0
    return Evidence(
        bets=_plain(grow(evidence.logs(number), staked, log_es)),
        drift=drift if suspicious else 0.0,
        since=evidence.since + question.counts if suspicious else type(evidence.since)(),
        since_s=evidence.since_s + span if suspicious else 0.0,
    )


def _plain(bets: tuple[float, ...]) -> tuple[float | None, ...]:
    return tuple(bet if bet > NEVER and math.isfinite(bet) else None for bet in bets)
