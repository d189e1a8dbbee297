"""What the judge remembers of the operator's own metrics, and what it says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chimera.core.analysis import moods
from chimera.core.analysis.dispersion import Spread
from chimera.core.analysis.kernel import NEVER, grow, log_wealth
from chimera.core.analysis.memory import JudgeState, OwnEvidence
from chimera.core.analysis.own import (
    IN_A_ROW,
    OwnCheck,
    describe_own,
    own_alpha,
    own_bets,
    own_checks,
)
from chimera.core.analysis.ownrates import Side, discount
from chimera.core.model import Finding, Look, OwnLook, Tally, Verdict
from chimera.core.plan import AnalysisPlan, OwnKind
from chimera.core.words import chance, count, duration, number, percent

SUSPICION = math.log(10.0)


def learn_own(
    plan: AnalysisPlan, state: JudgeState, look: Look, share: float, staked: float
) -> tuple[OwnEvidence, ...]:
    """Return the evidence of every own check after a look."""
    said = {one.name: one for one in look.own}
    return tuple(
        _learn(check, before, said.get(check.metric.name), _Beside(state, look, share), staked)
        for check, before in zip(own_checks(plan), _known(plan, state), strict=True)
    )


def _known(plan: AnalysisPlan, state: JudgeState) -> tuple[OwnEvidence, ...]:
    checks = own_checks(plan)
    return state.own if len(state.own) == len(checks) else (OwnEvidence(),) * len(checks)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The look that an own metric belongs to. share: the canary's of the traffic."""

    state: JudgeState
    look: Look
    share: float

    def swing(self, stable_bad: float) -> float:
        return moods.swing(stable_bad, self.state.elapsed_s, self.look.weight)


def _learn(
    check: OwnCheck, before: OwnEvidence, seen: OwnLook | None, beside: _Beside, staked: float
) -> OwnEvidence:
    size = len(check.shares)
    if seen is None or seen.why:
        why = seen.why if seen else "it was not asked for"
        bets = grow(before.logs(size), staked, (0.0,) * size)
        return replace(before, bets=_plain(bets), why=why, streak=0)
    swing = beside.swing(before.stable_seen[0])
    bets = grow(before.logs(size), staked, own_bets(check, seen, beside.share, before, swing))
    learnt = replace(before, bets=_plain(bets), why="")
    if check.metric.kind is OwnKind.RATE:
        return _counted(check, learnt, seen)
    return learnt if seen.value is None else _valued(check, learnt, seen, seen.value)


def _counted(check: OwnCheck, known: OwnEvidence, seen: OwnLook) -> OwnEvidence:
    return replace(
        known,
        n=known.n + seen.canary.requests,
        total=known.total + seen.canary.errors,
        stable_n=known.stable_n + seen.stable.requests,
        stable_total=known.stable_total + seen.stable.errors,
        spread=_clustered(check, known.spread, seen.canary),
        stable_spread=_clustered(check, known.stable_spread, seen.stable),
    )


def _clustered(check: OwnCheck, spread: Spread, arm: Tally) -> Spread:
    bad = arm.requests - arm.errors if check.side is Side.MIN else arm.errors
    return spread.learn(bad, arm.requests)


def _valued(check: OwnCheck, known: OwnEvidence, seen: OwnLook, value: float) -> OwnEvidence:
    beyond = check.crossed(value, seen.stable_value)
    return replace(
        known,
        n=known.n + 1,
        total=known.total + value,
        stable_n=known.stable_n + (seen.stable_value is not None),
        stable_total=known.stable_total + (seen.stable_value or 0.0),
        last=value,
        last_stable=seen.stable_value,
        streak=known.streak + 1 if beyond else 0,
    )


def find_own(plan: AnalysisPlan, state: JudgeState) -> tuple[Finding, ...]:
    """Return one finding per own check."""
    alpha = own_alpha(plan)
    return tuple(
        _finding(check, evidence, state, alpha)
        for check, evidence in zip(own_checks(plan), _known(plan, state), strict=True)
    )


def own_needs(plan: AnalysisPlan, findings: Sequence[Finding]) -> str:
    """Return what the first undecided own check lacks; "" if nothing."""
    for check, finding in zip(own_checks(plan), findings, strict=True):
        if finding.verdict is not Verdict.INCONCLUSIVE:
            continue
        name, least = check.metric.name, check.metric.min_points
        if finding.canary is None:
            return f"numbers of {name}"
        if finding.n < least:
            what = "event" if check.metric.kind is OwnKind.RATE else "value"
            return f"{finding.n:,} of {count(least, what)} of {name}"
        if check.side is Side.INCREASE and finding.stable is None:
            return f"stable's {name} to compare with"
        return f"more numbers of {name}, to tell a fault from chance"
    return ""


def _finding(check: OwnCheck, evidence: OwnEvidence, state: JudgeState, alpha: float) -> Finding:
    metric, size = check.metric, len(check.shares)
    wealth = log_wealth(evidence.logs(size), check.shares, state.cash) if size else 0.0
    value, stable = _values(check, evidence)
    crossed = None if value is None else check.crossed(value, stable)
    verdict = Verdict.INCONCLUSIVE
    if (size and wealth >= -math.log(alpha)) or (not size and evidence.streak >= IN_A_ROW):
        verdict = Verdict.UNHEALTHY
    elif crossed is False and evidence.n >= metric.min_points and wealth < SUSPICION:
        verdict = Verdict.HEALTHY
    limit = check.limit
    if check.side is Side.INCREASE:
        limit = stable + abs(stable) * check.limit if stable is not None else math.nan
    odds = "a plain limit has no odds"
    if size:
        odds = f"{chance(math.exp(min(wealth, 700.0)))} if the canary kept its limit"
    return Finding(
        metric=metric.name,
        verdict=verdict,
        canary=value,
        stable=stable,
        limit=None if math.isnan(limit) else limit,
        n=evidence.n,
        stable_n=evidence.stable_n,
        test=describe_own(check, alpha, (percent(check.limit), percent(alpha)), discount(evidence)),
        evidence=odds,
        window=state.window,
        sentence=_sentence(check, evidence, state, value, stable),
        unit="ratio" if metric.kind is OwnKind.RATE else "number",
    )


def _values(check: OwnCheck, evidence: OwnEvidence) -> tuple[float | None, float | None]:
    if check.metric.kind is OwnKind.VALUE:
        return evidence.last, evidence.last_stable
    ours = evidence.total / evidence.n if evidence.n else None
    theirs = evidence.stable_total / evidence.stable_n if evidence.stable_n else None
    return ours, theirs


def _sentence(
    check: OwnCheck,
    evidence: OwnEvidence,
    state: JudgeState,
    value: float | None,
    stable: float | None,
) -> str:
    name = check.metric.name
    if value is None:
        return f"{name} unknown: {evidence.why or 'no numbers of the canary yet'}"
    rate = check.metric.kind is OwnKind.RATE
    say = percent if rate else number
    text = f"{name} {say(value)}"
    if stable is not None:
        text += f" against {say(stable)} on stable"
    if check.side is Side.INCREASE:
        text += f" (allowed: {percent(check.limit)} above stable)"
    else:
        text += f" ({'limit' if check.side is Side.MAX else 'at least'} {say(check.limit)})"
    if rate:
        events = count(evidence.n, "event")
        text += f", {round(evidence.total):,} of {events} in {duration(state.window)}"
    elif check.metric.kind is OwnKind.MEAN:
        text += f", mean of {count(evidence.n, 'value')} in {duration(state.window)}"
    elif evidence.streak:
        text += f", {count(evidence.streak, 'value')} in a row; {IN_A_ROW} decide"
    return f"{text}; last: {evidence.why}" if evidence.why else text


def _plain(bets: tuple[float, ...]) -> tuple[float | None, ...]:
    return tuple(bet if bet > NEVER and math.isfinite(bet) else None for bet in bets)
