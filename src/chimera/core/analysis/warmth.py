"""When a new canary's latency may be judged: after a warm-up, or once it looks like stable's.

Errors are judged from the first request. Latency is not held against a canary that is cold: for
`warm_up` never, and up to `slow_start` not while it is slower than stable. A canary that is slow
for good therefore holds its first step until then, at a small weight, and is judged from there on.
"""

from __future__ import annotations

import math

from chimera.core.analysis import cells
from chimera.core.analysis.looks import merge
from chimera.core.analysis.memory import JudgeState, past_stable
from chimera.core.model import Look, Tally
from chimera.core.plan import AnalysisPlan

QUANTILES = (0.5, 0.9)
LEAST, WINDOW_S, SIGMAS = 8, 3.0, 2.0


def is_warm(plan: AnalysisPlan, state: JudgeState) -> bool:
    """Return whether the canary's latency is judged by now."""
    if state.served_s < plan.warm_up.total_seconds():
        return False
    return state.warm or state.served_s >= plan.slow_start.total_seconds()


def seems_cold(plan: AnalysisPlan, state: JudgeState) -> bool:
    """Return whether latency is not judged yet, and the canary's latest requests were slow."""
    known = state.warming
    return not is_warm(plan, state) and slower(known, past_stable(state)) is True


def grow_warm(plan: AnalysisPlan, state: JudgeState, look: Look) -> tuple[bool, Tally, float]:
    """Return (warm, latest requests, how long they took) after a look at a canary."""
    if is_warm(plan, state):
        return state.warm, Tally(), 0.0
    latest, since_s = state.warming, state.warming_s
    if since_s >= WINDOW_S and cells.timed(latest) >= LEAST:
        latest, since_s = Tally(), 0.0
    latest = merge(latest, look.canary)
    since_s += look.span.total_seconds()
    warm = slower(latest, merge(past_stable(state), look.stable)) is False
    enough = since_s >= min(WINDOW_S, plan.warm_up.total_seconds())
    return warm and enough, latest, since_s


def slower(canary: Tally, stable: Tally) -> bool | None:
    """Return whether more of the canary's requests were slow than chance allows; None: unknown."""
    n = cells.timed(canary)
    if n < LEAST or not cells.timed(stable) or canary.bounds_ms != stable.bounds_ms:
        return None
    return any(_more(canary, stable, quantile, n) for quantile in QUANTILES)


def _more(canary: Tally, stable: Tally, quantile: float, n: int) -> bool:
    usual = cells.quantile_ms(stable, quantile)
    if usual is None:
        return False
    bound = cells.bound_from(stable.bounds_ms, max(usual, cells.UNNOTICED_MS))
    if bound is None:
        return False
    share = cells.over(stable, bound) / cells.timed(stable)
    chance = math.sqrt(n * share * (1 - share))
    return cells.over(canary, bound) > n * share + SIGMAS * chance + 0.5
