"""The operator's own metrics: what each look bets, as far as a sound test exists for its kind.

Rates are counts of events and are judged as errors are. A value with a range is judged by betting
on its mean: with y the value scaled to its range and m the limit, every look multiplies a bet by
1 + s (y - m), which cannot grow on average while the mean keeps the limit, whatever the values'
law is. Against stable the same is bet on canary - (1 + increase) * stable. Values are clipped to
their range. For any other value nothing can be proven: its limit is a plain one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chimera.core.analysis import bets
from chimera.core.analysis.dispersion import NOTICEABLE
from chimera.core.analysis.memory import OwnEvidence
from chimera.core.analysis.ownrates import Side, rate_bets
from chimera.core.model import OwnLook
from chimera.core.plan import AnalysisPlan, OwnKind, OwnMetric

OWN_SHARE = 0.2  # of the false alarms: half of what latency gets, for all own metrics together
FRACTIONS = (0.1, 0.3, 0.6, 0.9)
EVENLY = (0.25, 0.25, 0.25, 0.25)
IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """One limit of one own metric."""

    metric: OwnMetric
    side: Side

    @property
    def limit(self) -> float:
        """The value not to cross, or the increase over stable."""
        found = {
            Side.MAX: self.metric.max,
            Side.MIN: self.metric.min,
            Side.INCREASE: self.metric.max_increase,
        }[self.side]
        return 0.0 if found is None else found

    @property
    def shares(self) -> tuple[float, ...]:
        """How the stake is spread over the bets; () for a plain limit."""
        if self.metric.kind is OwnKind.VALUE:
            return ()
        return bets.ERROR_SHARES if self.metric.kind is OwnKind.RATE else EVENLY

    def crossed(self, value: float, stable: float | None) -> bool | None:
        """Whether a value breaks the limit; None if there is nothing to compare with."""
        if self.side is Side.MAX:
            return value > self.limit
        if self.side is Side.MIN:
            return value < self.limit
        return None if stable is None else value > stable + abs(stable) * self.limit


def own_checks(plan: AnalysisPlan) -> tuple[OwnCheck, ...]:
    """Return the checks of a plan's own metrics, in its order."""
    return tuple(
        OwnCheck(metric, side)
        for metric in plan.own
        for side, given in (
            (Side.MAX, metric.max),
            (Side.MIN, metric.min),
            (Side.INCREASE, metric.max_increase if plan.compare else None),
        )
        if given is not None
    )


def own_alpha(plan: AnalysisPlan) -> float:
    """Return the chance of a false alarm that each own check may have; 0 without any."""
    sound = sum(bool(check.shares) for check in own_checks(plan))
    return plan.alpha * OWN_SHARE / sound if sound else 0.0


def main_alpha(plan: AnalysisPlan) -> float:
    """Return the chance of a false alarm that is left for errors and latency."""
    return plan.alpha * (1 - OWN_SHARE) if own_alpha(plan) else plan.alpha


def own_bets(
    check: OwnCheck, look: OwnLook, share: float, known: OwnEvidence, swing: float = 0.0
) -> tuple[float, ...]:
    """Return ln e of each bet on one look; zeros if it says nothing.

    share: of the traffic. known: what was gathered before. swing: as in `moods`, of stable's rate.
    """
    if check.metric.kind is OwnKind.RATE:
        return rate_bets(check.side, check.limit, look, share, known, swing)
    nothing = (0.0,) * len(check.shares)
    if look.value is None or not check.shares:
        return nothing
    if check.side is Side.INCREASE:
        return nothing if look.stable_value is None else _paired(check, look.value, look)
    return _mean(check, look.value)


def _mean(check: OwnCheck, value: float) -> tuple[float, ...]:
    y, most = _scaled(check.metric, value), _scaled(check.metric, check.limit)
    if check.side is Side.MIN:
        y, most = 1 - y, 1 - most
    return tuple(math.log1p(fraction / most * (y - most)) for fraction in FRACTIONS)


def _scaled(metric: OwnMetric, value: float) -> float:
    low, high = metric.low or 0.0, 1.0 if metric.high is None else metric.high
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _paired(check: OwnCheck, value: float, look: OwnLook) -> tuple[float, ...]:
    ours = _scaled(check.metric, value)
    theirs = _scaled(check.metric, look.stable_value or 0.0)
    worst = 1 + check.limit
    return tuple(math.log1p(f / worst * (ours - worst * theirs)) for f in FRACTIONS)


def describe_own(check: OwnCheck, alpha: float, said: Sequence[str], phi: float = 1.0) -> str:
    """Name the rule that a check applies. said: (the limit, the chance of a false alarm)."""
    limit, rare = said
    against = f"against stable's plus {limit}" if check.side is Side.INCREASE else "to its limit"
    if not alpha or not check.shares:
        return f"{check.metric.name} {against} (plain limit, no statistics: {IN_A_ROW} in a row)"
    how = "sequential test" if check.metric.kind is OwnKind.RATE else "betting test on its mean"
    clumps = ""
    if check.metric.kind is OwnKind.RATE and phi >= NOTICEABLE:
        clumps = f", evidence discounted {phi:.2g} times as bad events may come in clumps"
    return f"{check.metric.name} {against} ({how}, {rare} false alarms per rollout{clumps})"
