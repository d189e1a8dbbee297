"""When the canary may advance: a fault that the next weight could not bear is ruled out.

The same bets turned round: against "the canary's error rate is at least rho * stable's + excess",
where the excess, at the next weight, would spoil the harm budget's share of all responses.
"""

from __future__ import annotations

import math

from chimera.core.analysis import bets
from chimera.core.analysis.checks import Check, Kind, checks_of, dispersion
from chimera.core.analysis.kernel import NEVER, Null, grow, log_e, log_wealth, pays
from chimera.core.analysis.memory import JudgeState, past_stable
from chimera.core.model import Look
from chimera.core.plan import AnalysisPlan

KEEP = math.log(5.0)
LATER, GATE_TAU_S = 0.1, 60.0


def gated_check(plan: AnalysisPlan) -> Check | None:
    """Return the check of the canary's errors against stable's; None if there is none."""
    return next((c for c in checks_of(plan) if not c.latency and c.kind is not Kind.LIMIT), None)


def next_weight(plan: AnalysisPlan, weight: int) -> int:
    """Return what the canary would get next; all of the traffic if the plan does not say."""
    return min((each for each in plan.weights if each > weight), default=100)


def excess(plan: AnalysisPlan, weight: int) -> float:
    """Return the rise of the error rate that must be ruled out before the next weight."""
    return min(plan.harm_budget * 100 / next_weight(plan, weight), 1.0)


def null(plan: AnalysisPlan, weight: int, phi: float = 1.0) -> Null | None:
    """Return what is to be ruled out; None where nothing can be compared."""
    check = gated_check(plan)
    if check is None or not plan.weights or not 0 < weight < 100:
        return None
    return Null(1 + check.most, excess(plan, weight), phi)


def clumps(plan: AnalysisPlan, state: JudgeState, weight: int) -> float:
    """Return phi as the gate reckons with it: moods pass, so stable's own clumps suffice."""
    if not plan.error_dispersions:
        return dispersion(plan, state, weight)
    known = plan.error_clumps or dispersion(plan, state, weight)
    return min(known, state.error_spread.phi) if state.error_spread.known else known


def advance(plan: AnalysisPlan, state: JudgeState, look: Look, share: float) -> tuple[float, ...]:
    """Return ln of the gate's bets after a look; () where there is no gate."""
    harm = null(plan, look.weight, clumps(plan, state, look.weight))
    if harm is None:
        return ()
    before = state.gate or (NEVER,) * len(bets.GATE_BETS)
    staked = gate_stake(state.window.total_seconds(), look.span.total_seconds())
    one, other = look.canary, look.stable
    canary = (one.requests - one.errors, one.errors)
    stable = (other.requests - other.errors, other.errors)
    log_es = tuple(
        log_e(canary, stable, pays(ratios, share, harm), harm) for ratios in bets.GATE_BETS
    )
    return grow(before, staked, log_es)


def gate_stake(after_s: float, span_s: float) -> float:
    """Return the share of the gate's stake placed with this look; the rest is for a fresh start.

    After an outage that hit both arms the first bets are lost, and later ones must do.
    """
    later = LATER * (_by(after_s + span_s) - _by(after_s))
    return later if after_s > 0 else later + 1 - LATER


def _by(seconds: float) -> float:
    return seconds / (GATE_TAU_S + seconds)


def passes(plan: AnalysisPlan, gate: tuple[float, ...]) -> bool:
    """Return whether the harm is ruled out by now; once suffices for the whole step."""
    return bool(gate) and log_wealth(gate, bets.GATE_SHARES, 0.0) >= -math.log(plan.doubt)


def is_open(state: JudgeState) -> bool:
    """Return whether the harm was ruled out, and nothing since speaks much against it."""
    if not state.gate_passed or not state.gate:
        return False
    return log_wealth(state.gate, bets.GATE_SHARES, 0.0) >= KEEP


def requests_to_go(plan: AnalysisPlan, state: JudgeState) -> int | None:
    """Return about how many more canary requests open the gate, if it does as stable does.

    None if it would never.
    """
    harm = null(plan, state.weight, clumps(plan, state, state.weight))
    if harm is None or not state.gate:
        return None
    past = past_stable(state)
    usual = (past.errors + state.canary.errors + 0.5) / (past.requests + state.canary.requests + 1)
    speeds = drifts(usual, state.weight / 100, harm)
    goal = -math.log(plan.doubt)
    ways = [
        max(goal - math.log(share) - max(bet, 0.0), 0.0) / speed
        for bet, share, speed in zip(state.gate, bets.GATE_SHARES, speeds, strict=True)
        if speed > 0
    ]
    return math.ceil(min(ways)) if ways else None


def drifts(error_rate: float, share: float, harm: Null) -> tuple[float, ...]:
    """Return by how much each gate bet's ln grows per canary request of a healthy canary."""
    rest = (1 - share) / share
    both = ((1 - error_rate, error_rate), ((1 - error_rate) * rest, error_rate * rest))
    return tuple(log_e(*both, pays(ratios, share, harm), harm) for ratios in bets.GATE_BETS)
