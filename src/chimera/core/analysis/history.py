"""What a service's earlier rollouts teach the next: how its failures and slow requests cluster.

Two things are learnt. Clumps (retries, batches) show in stable's own looks, one beside the next.
Moods, which one version has and the other has not for a while, show between the two versions of a
rollout that succeeded: both were healthy, so all that they differed by was chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chimera.core.analysis import cells
from chimera.core.analysis.dispersion import Spread
from chimera.core.analysis.looks import merge
from chimera.core.analysis.moods import UNKNOWN_S, Difference, difference, inertia
from chimera.core.model import Look, Tally
from chimera.core.words import count

SLOW = 0.9
MOST = 500.0

Bad = Callable[[Tally], tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Past:
    """One earlier rollout. fair: its canary was as healthy as stable, so the two compare."""

    looks: tuple[Look, ...]
    fair: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """Overdispersion per weight of a plan, each at least 1; () where too little was seen.

    error_clumps: the part of the errors' that does not depend on the weight; 0 likewise. words:
    what it comes from, in a sentence without its full stop.
    """

    errors: tuple[float, ...] = ()
    latency: tuple[float, ...] = ()
    error_clumps: float = 0.0
    words: str = ""


def learn(past: Sequence[Past], weights: Sequence[int], horizon_s: float = math.inf) -> Lesson:
    """Return what earlier rollouts of a service say about the weights of the next one.

    horizon_s: how long the next one is to have users on both versions, seconds.
    """
    usable = [Past(tuple(look for look in one.looks if not look.gap), one.fair) for one in past]
    errors, clumps = _per_weight(usable, weights, _failed, horizon_s, UNKNOWN_S)
    slow = _slowness(usable)
    # As in a first rollout, no moods of latency are assumed where none could be seen.
    latency = _per_weight(usable, weights, slow, horizon_s, 0.0)[0] if slow else ()
    seen = sum(1 for one in usable if one.looks)
    words = f"known from {count(seen, 'earlier rollout')}" if errors or latency else ""
    return Lesson(errors, latency, clumps, words)


def _failed(tally: Tally) -> tuple[float, int]:
    return tally.errors, tally.requests


def _slowness(past: Sequence[Past]) -> Bad | None:
    """Return what counts slow requests, by the bound that few of stable's exceed."""
    whole = Tally()
    for look in (look for one in past for look in one.looks):
        whole = merge(whole, look.stable)
    usual = cells.quantile_ms(whole, SLOW)
    bound = None if usual is None else cells.bound_from(whole.bounds_ms, usual)
    if bound is None:
        return None

    def slow(tally: Tally) -> tuple[float, int]:
        known = tally.bounds_ms == whole.bounds_ms
        return (cells.over(tally, bound), cells.timed(tally)) if known else (0.0, 0)

    return slow


def _per_weight(
    past: Sequence[Past], weights: Sequence[int], bad: Bad, horizon_s: float, unseen_s: float
) -> tuple[tuple[float, ...], float]:
    beside = [look for one in past for look in one.looks if look.weight < 100]
    clumps = Spread()
    for look in beside:
        clumps = clumps.learn(*bad(look.stable))
    if not clumps.known:
        return (), 0.0
    lasting = inertia(
        [
            [_compared(look, bad) for look in one.looks if look.weight < 100]
            for one in past
            if one.fair
        ],
        clumps.phi,
        horizon_s,
        unseen_s,
    )
    stable_s = sum(look.span.total_seconds() * (1 - look.weight / 100) for look in beside)
    rate = sum(bad(look.stable)[0] for look in beside) / stable_s if stable_s else 0.0
    shares = [weight / 100 for weight in weights]
    found = (clumps.phi + lasting * rate * share * (1 - share) for share in shares)
    return tuple(min(phi, MOST) for phi in found), min(clumps.phi, MOST)


def _compared(look: Look, bad: Bad) -> Difference:
    return difference(*bad(look.canary), *bad(look.stable), look.span.total_seconds())
