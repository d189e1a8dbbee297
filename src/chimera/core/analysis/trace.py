"""Evidence over time: what a plan makes of recorded looks, for tables and curves.

`trace(plan, looks)` judges the looks again and returns, per look, how far the evidence has come
towards a rollback and towards the next step, both from 0 to 1 and more, and each check's odds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from chimera.core.analysis import bets, findings, gate, judge
from chimera.core.analysis.checks import checks_of, importance
from chimera.core.analysis.kernel import NEVER, log_sum, log_wealth
from chimera.core.analysis.memory import JudgeState
from chimera.core.analysis.numbers import as_bad
from chimera.core.analysis.own import main_alpha
from chimera.core.model import Judgement, Look, Verdict
from chimera.core.plan import AnalysisPlan

MOST = 300.0  # powers of ten: what JSON can hold


@dataclass(frozen=True, slots=True)
class EvidencePoint:
    """The state of the evidence after one look.

    after_s: since the first look. log10_odds: of all checks together, against a healthy canary; the
    rollback comes at `EvidenceSeries.log10_goal`. guilt: the same as a share of that goal; below 0
    is for the canary. clearance: how far the harm of the next weight is ruled out, 1 is done, None
    without a gate. checks: log10 odds per check, as in `EvidenceSeries.checks`. canary, stable: the
    error rates of this look alone, None without requests.
    """

    at: datetime
    after_s: float
    weight: int
    verdict: Verdict
    log10_odds: float
    guilt: float
    clearance: float | None
    checks: tuple[float, ...]
    canary: float | None
    stable: float | None
    gap: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceSeries:
    """The evidence of a rollout over time under one plan. checks: their names, in order."""

    log10_goal: float
    checks: tuple[str, ...]
    points: tuple[EvidencePoint, ...]


def rejudge(
    plan: AnalysisPlan, looks: Iterable[tuple[int, Look]]
) -> tuple[tuple[JudgeState, Judgement], ...]:
    """Judge looks in order under `plan`. looks: (which watch, look); each watch has its window."""
    out: list[tuple[JudgeState, Judgement]] = []
    evidence = ""
    for _, watch in groupby(looks, key=lambda one: one[0]):
        state = judge.begin(plan, evidence)
        for _, look in watch:
            state, judgement = judge.observe(plan, state, look)
            out.append((state, judgement))
        evidence = judge.dump(state)
    return tuple(out)


def trace(plan: AnalysisPlan, looks: Iterable[tuple[int, Look]]) -> EvidenceSeries:
    """Return the evidence over time. looks: (which watch, look), oldest first, n may be 0."""
    seen = tuple(looks)
    return series(plan, [look for _, look in seen], rejudge(plan, seen))


def series(
    plan: AnalysisPlan,
    looks: Iterable[Look],
    judged: Iterable[tuple[JudgeState, Judgement]],
) -> EvidenceSeries:
    """Return the evidence over time of looks that were judged: both as long, in order."""
    checks = checks_of(plan)
    shares = importance(checks)
    goal = -math.log10(main_alpha(plan))
    points: list[EvidencePoint] = []
    start: datetime | None = None
    for look, (state, judgement) in zip(looks, judged, strict=True):
        start = start or look.at
        worth = findings.wealths(checks, state)
        total = log_sum(
            NEVER if as_bad(check, state) else math.log(share) + each
            for check, share, each in zip(checks, shares, worth, strict=True)
        )
        odds = _log10(total)
        points.append(
            EvidencePoint(
                at=look.at,
                after_s=(look.at - start).total_seconds(),
                weight=look.weight,
                verdict=judgement.verdict,
                log10_odds=odds,
                guilt=odds / goal,
                clearance=_clearance(plan, state),
                checks=tuple(_log10(each) for each in worth),
                canary=_rate(look.canary.errors, look.canary.requests),
                stable=_rate(look.stable.errors, look.stable.requests),
                gap=look.gap,
            )
        )
    names = tuple(f"{check.name} {check.kind.value}".strip() for check in checks)
    return EvidenceSeries(goal, names, tuple(points))


def _clearance(plan: AnalysisPlan, state: JudgeState) -> float | None:
    if gate.null(plan, state.weight) is None or not state.gate:
        return None
    worth = log_wealth(state.gate, bets.GATE_SHARES, 0.0)
    done = max(worth, 0.0) / -math.log(plan.doubt)
    return 1.0 if gate.is_open(state) else min(done, 1.0)


def _log10(value: float) -> float:
    return min(max(value / math.log(10), -MOST), MOST)


def _rate(bad: int, n: int) -> float | None:
    return bad / n if n else None
