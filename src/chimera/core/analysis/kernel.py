"""The arithmetic of evidence: bets whose value cannot grow on average while the canary is healthy.

Responses fall into cells, from good to bad. A bet pays `f[b]` for a canary response in cell b,
never less for a worse one, and `h[b]` for one of stable. Its value after a look is multiplied by

    e = prod f[b]^c[b] * prod h[b]^s[b] * exp(-n delta (f[-1] - f[0]))

h is chosen so that E[e] <= 1 (because 1 + y <= e^y) while for every boundary the canary's share of
responses beyond it is at most `rho` times stable's plus `delta`. By Ville's inequality a value of
1/alpha is then reached with a chance of at most alpha, however often one looks. Stable's own shares
may change from look to look: what hits both arms cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NEVER = -math.inf
AT_START, AT_CHANGES, AT_ANY_TIME, TAU_S = 0.5, 0.2, 0.3, 120.0
KNOWN_BY_COUNT, PSEUDO_REQUESTS, SIGMAS = 20, 200.0, 3.0
LEAST_PAY = 0.01
FEW_SIGMAS = 2.0

Pays = tuple[tuple[float, ...], tuple[float, ...], float]


@dataclass(frozen=True, slots=True)
class Null:
    """What a healthy canary keeps: share beyond a boundary <= rho * stable's + delta.

    phi: overdispersion; evidence is divided by it. rho 0 asks nothing of stable.
    """

    rho: float
    delta: float
    phi: float = 1.0


def traffic_share(
    n: float, stable_n: float, weight: int, past_n: float, past_stable: float
) -> float:
    """Return the canary's share of the traffic that a look's bets reckon with.

    Realized, once a look holds enough; before, the configured weight as 200 pseudo-requests,
    blended with what was realized since the weight changed, unless that plainly contradicts it.
    Answers that are missing, as the first ones of a slow version, are no evidence: where a look has
    fewer of the canary's than its weight makes likely, what it has is its share.
    """
    configured = weight / 100
    # Not by n itself: which answers come may choose the rule, how many were the canary's may not.
    enough = (n + stable_n) * configured >= KNOWN_BY_COUNT
    if (enough and stable_n) or _missing(n, stable_n, weight, past_n, past_stable):
        return n / (n + stable_n)
    past = past_n + past_stable
    spread = math.sqrt(past * configured * (1 - configured))
    if past >= KNOWN_BY_COUNT and abs(past_n - past * configured) > SIGMAS * spread + 1:
        return past_n / past
    return (past_n + PSEUDO_REQUESTS * configured) / (past + PSEUDO_REQUESTS)


def _missing(n: float, stable_n: float, weight: int, past_n: float, past_stable: float) -> bool:
    now = (n + stable_n) * weight / 100
    ever = now + (past_n + past_stable) * weight / 100
    few_now = now - n > FEW_SIGMAS * math.sqrt(now)
    few_ever = ever - n - past_n > FEW_SIGMAS * math.sqrt(ever)
    return n + stable_n > 0 and (few_now or few_ever)


def pays(ratios: Sequence[float], share: float, null: Null) -> Pays:
    """Return (f, h, cost per canary response) of a bet on likelihood ratios, one per cell."""
    if not null.rho:
        f = tuple(ratios)
        return f, (1.0,) * len(f), f[0] - 1 + null.delta * (f[-1] - f[0])
    pull = null.rho * share
    weight = pull / (pull + 1 - share)
    if weight >= 1:
        return (1.0,) * len(ratios), (1.0,) * len(ratios), 0.0
    odds = weight / (1 - weight)
    f0 = ratios[0] / (1 + weight * (ratios[0] - 1))
    best = 1 - odds * (f0 - 1) / null.rho
    most = f0 + max(best - LEAST_PAY, 0.0) / odds if odds else math.inf
    f = tuple(min(r / (1 + weight * (r - 1)), most) for r in ratios)
    h = tuple(best - odds * (each - f0) for each in f)
    return f, h, null.delta * (f[-1] - f0)


def log_e(canary: Sequence[float], stable: Sequence[float], bet: Pays, null: Null) -> float:
    """Return ln e of one look: how many responses each arm has in each cell, under one bet."""
    f, h, cost = bet
    total = -cost * sum(canary)
    for count, pay in zip(canary, f, strict=True):
        if count and pay != 1:
            total += count * math.log(pay)
    for count, pay in zip(stable, h, strict=True):
        if count and pay != 1:
            total += count * math.log(pay)
    return total / null.phi


def log_sum(terms: Iterable[float]) -> float:
    """Return ln of the sum of exponentials."""
    values = [term for term in terms if term > NEVER]
    if not values:
        return NEVER
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def stake(after_s: float, span_s: float, changes: int, *, first: bool, changed: bool) -> float:
    """Return the share of the stake that bets on harm starting with this look.

    Half is on the very start, a fifth on the changes of weight (halving), the rest on any time.
    """
    tail = AT_ANY_TIME * (_by(after_s + span_s) - _by(after_s))
    if first:
        return tail + AT_START
    return tail + (AT_CHANGES * 2.0**-changes if changed else 0.0)


def _by(seconds: float) -> float:
    return seconds / (TAU_S + seconds)


def grow(bets: tuple[float, ...], staked: float, log_es: Sequence[float]) -> tuple[float, ...]:
    """Return ln S_t(r) = ln((S_{t-1}(r) + staked) e_t(r)) for every bet."""
    fresh = math.log(staked) if staked > 0 else NEVER
    return tuple(log_sum((bet, fresh)) + log_e for bet, log_e in zip(bets, log_es, strict=True))


def log_wealth(bets: tuple[float, ...], shares: Sequence[float], cash: float) -> float:
    """Return ln of what all bets and the stake not yet placed are worth; 0 at the start."""
    placed = (math.log(share) + bet for share, bet in zip(shares, bets, strict=True))
    return log_sum((*placed, math.log(cash) if cash > 0 else NEVER))
