"""Failures that come at once: those that the canary has in one look may count as one.

A retried request, or a batch, makes several failures of one cause in the same look. If the causes
of both versions come alike in size, however large, then the canary's looks with a failure are at
most as many as its causes, and stable's failures, counted singly, at least as many as its own. So
a bet that counts them so keeps E[e] <= 1 without any discount for clumps. What a second failure in
the same look would say is lost; hence it is chosen where a look is hardly expected to have one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def as_one(responses: Sequence[float]) -> tuple[float, float]:
    """Return (good, bad) of a look with at most one bad response."""
    good, bad = responses
    return good + max(bad - 1, 0), min(bad, 1)


def are_rare(n: float, rate: float, discount: float, rest: float) -> bool:
    """Return whether to count a look's failures as one says more than to discount each.

    n: the canary's requests. rate: of its failures, if the bet is right. discount, rest: what
    evidence is divided by for clumps and all else, and for all else alone.
    """
    expected = n * min(rate, 1.0)
    kept = -math.expm1(-expected) / expected if expected > 0 else 1.0
    return kept > rest / discount
