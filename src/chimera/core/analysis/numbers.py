"""Where a check stands in the watch's window: the values that people read."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.core.analysis import cells
from chimera.core.analysis.checks import AS_BAD, ERROR_SLACK, Check, Kind
from chimera.core.analysis.memory import JudgeState, past_stable
from chimera.core.model import Tally


@dataclass(frozen=True, slots=True)
class Numbers:
    """Values and limit in the check's own unit, None where unknown.

    bad: how many responses failed. beyond: the canary's value is only a lower bound.
    """

    canary: float | None
    stable: float | None
    limit: float | None
    n: int
    stable_n: int
    bad: int = 0
    beyond: bool = False

    @property
    def within(self) -> bool | None:
        """Whether the canary's estimate keeps the limit; None if unknown."""
        if self.canary is None or self.limit is None:
            return None
        if self.beyond:
            return False if self.canary >= self.limit else None
        return self.canary <= self.limit


def numbers(check: Check, state: JudgeState) -> Numbers:
    """Return where a check stands over the watch's window."""
    canary, stable = state.canary, state.stable
    if state.weight == 100 and check.kind is not Kind.LIMIT:
        stable = past_stable(state)
    if check.latency:
        value, other = (cells.quantile_ms(arm, check.quantile) for arm in (canary, stable))
        n, stable_n = cells.timed(canary), cells.timed(stable)
    else:
        value, other = _rate(canary), _rate(stable)
        n, stable_n = canary.requests, stable.requests
    if check.kind is Kind.LIMIT:
        limit: float | None = check.most
    elif other is None or (check.latency and check.kind is Kind.COMPARE):
        limit = None  # all of the distribution is compared, not this one value
    else:
        limit = other * (1 + check.most) + (0.0 if check.latency else ERROR_SLACK)
    beyond = check.latency and cells.beyond(canary, check.quantile)
    return Numbers(value, other, limit, n, stable_n, canary.errors, beyond)


def as_bad(check: Check, state: JudgeState) -> bool:
    """Return whether stable breaks an absolute limit too, and the canary is hardly worse than it.

    Then going back would help nobody; it is no reason to go on either.
    """
    if check.kind is not Kind.LIMIT:
        return False
    allowed = 1 - check.quantile if check.latency else check.most
    ours, theirs = (_share(check, arm) for arm in (state.canary, state.stable))
    if ours is None or theirs is None:
        return False
    return theirs > allowed and ours <= AS_BAD * theirs + allowed


def _share(check: Check, arm: Tally) -> float | None:
    if not check.latency:
        return _rate(arm)
    n = cells.timed(arm)
    return cells.over(arm, check.most) / n if n else None


def _rate(arm: Tally) -> float | None:
    return arm.errors / arm.requests if arm.requests else None
