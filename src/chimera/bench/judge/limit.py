"""What no rule can beat: the fewest bad responses at which a fault can be told from health.

Wald: whoever condemns a healthy version with a chance of at most alpha and a faulty one with a
chance of P must see, on average, kl(P, alpha) of evidence, and a response holds no more than the
Kullback-Leibler divergence of the faulty law from the healthy one. Besides, nobody acts before the
first look, nor more often than a response differs at all.
"""

from __future__ import annotations

import math

import numpy as np

from chimera.bench.judge.world import Floats, Plan, Scenario, tails

ALPHA = 0.01


def least(world: Scenario, plan: Plan, detected: float, look_s: int, warm_up_s: int) -> float:
    """Return the fewest excess bad responses of a rule that detects so many; nan for a drift.

    It knows everything but, like all who let cold starts pass, ignores latency for `warm_up_s`.
    """
    if world.drift:
        return math.nan
    slow = world.slow > 1
    fault, health = (_cells(world.slow), _cells(1.0)) if slow else _two(world)
    harm = float(fault[-1] - health[-1])
    step = min(world.onset_s // plan.bake_s, len(plan.weights) - 1)
    per_second = world.rate * plan.weights[step] / 100 * harm
    first = per_second * look_s
    patience = per_second * warm_up_s if slow else 0.0
    by_evidence = harm * told(detected) / divergence(fault, health)
    return patience + max(first, detected - ALPHA if not slow else 0.0, by_evidence)


def told(detected: float) -> float:
    """Return kl(P, alpha), in nats: the evidence that such a rule must see on average."""
    p = min(max(detected, ALPHA), 1 - 1e-12)
    return p * math.log(p / ALPHA) + (1 - p) * math.log((1 - p) / (1 - ALPHA))


def divergence(fault: Floats, health: Floats) -> float:
    """Return the Kullback-Leibler divergence of two laws over cells, in nats."""
    some = fault > 0
    if (health[some] <= 0).any():
        return math.inf
    return float((fault[some] * np.log(fault[some] / health[some])).sum())


def _two(world: Scenario) -> tuple[Floats, Floats]:
    bad = min(world.errors * world.times + world.plus, 1)
    return np.array([1 - bad, bad]), np.array([1 - world.errors, world.errors])


def _cells(slowdown: float) -> Floats:
    beyond = np.concatenate([[1.0], tails(slowdown), [0.0]])
    return np.asarray(beyond[:-1] - beyond[1:])
