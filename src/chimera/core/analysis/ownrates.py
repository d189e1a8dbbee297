"""What a look at a rate of the operator's own bets: the test that errors take, on other events."""

from __future__ import annotations

from enum import StrEnum

from chimera.core.analysis import bets
from chimera.core.analysis.kernel import KNOWN_BY_COUNT, Null
from chimera.core.analysis.memory import Counts, OwnEvidence
from chimera.core.analysis.question import Question, weigh, with_moods
from chimera.core.model import OwnLook, Tally

SLACK = 2e-4
GUESS = 5.0  # the clumps that are assumed until looks have shown their size


class Side(StrEnum):
    """max, min: an absolute limit. increase: against stable."""

    MAX = "max"
    MIN = "min"
    INCREASE = "increase"


def rate_bets(
    side: Side, limit: float, look: OwnLook, share: float, known: OwnEvidence, swing: float
) -> tuple[float, ...]:
    """Return ln e of each bet on one look; zeros if it says nothing.

    share: the canary's of the traffic. known: what was gathered before. swing: as in `moods`.
    """
    n, other = look.canary.requests, look.stable.requests
    if not n or (side is Side.INCREASE and not other):
        return (0.0,) * len(bets.ERROR_BETS)
    if side is Side.INCREASE and (n + other) * share >= KNOWN_BY_COUNT:
        share = n / (n + other)
    question = _question(side, limit, look, known)
    if side is Side.INCREASE:
        question = with_moods(question, swing)
    return weigh(question, share)


def discount(known: OwnEvidence) -> float:
    """Return phi: by how much evidence is divided, as bad events may come in clumps."""
    found = known.clumps
    return found.phi if found.known else max(found.phi, GUESS)


def _question(side: Side, limit: float, look: OwnLook, known: OwnEvidence) -> Question:
    """Put a look to the check. Until clumps are known, few bad events in one look count as one."""
    phi, guessed = discount(known), not known.clumps.known
    null = {
        Side.MAX: Null(0.0, limit, phi),
        Side.MIN: Null(0.0, 1 - limit, phi),
        Side.INCREASE: Null(1 + limit, SLACK, phi),
    }[side]
    canary, stable = _cells(look.canary, side), _cells(look.stable, side)
    counts = Counts(canary[1], sum(canary), stable[1], sum(stable))
    bad, n = known.stable_seen
    usual = (bad + 0.5) / (n + 1) if guessed else None
    return Question(canary, stable, bets.ERROR_BETS, null, counts, clumps=phi, usual=usual)


def _cells(tally: Tally, side: Side) -> tuple[int, int]:
    """Return (good, bad) events; too few of what is counted is bad for a minimum."""
    good = tally.requests - tally.errors
    return (tally.errors, good) if side is Side.MIN else (good, tally.errors)
