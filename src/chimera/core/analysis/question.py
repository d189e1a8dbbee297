"""A look, put to a check: what is bet on it, and against which null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chimera.core.analysis import bets, clumps, moods
from chimera.core.analysis.kernel import Null, log_e, pays
from chimera.core.analysis.memory import Counts


@dataclass(frozen=True, slots=True)
class Bet:
    """Likelihood ratios per cell against a null. once: a look's failures count as one."""

    ratios: tuple[float, ...]
    null: Null
    once: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A look, put to a check: responses per cell, bets on them, the null, counts for words.

    outright: the null for the bet that all requests fail. far: the one for bets on much worse
    canaries. Each where it differs. clumps: what part of phi is due to failures that come at once.
    usual: stable's rate of failures before, where those of the canary may count as one.
    """

    canary: Sequence[float]
    stable: Sequence[float]
    ratios: tuple[tuple[float, ...], ...]
    null: Null
    counts: Counts
    outright: Null | None = None
    far: Null | None = None
    clumps: float = 1.0
    usual: float | None = None

    @property
    def bets(self) -> tuple[Bet, ...]:
        """Each bet with its null."""
        return tuple(self._bet(ratios) for ratios in self.ratios)

    def _bet(self, ratios: tuple[float, ...]) -> Bet:
        if ratios == bets.OUTRIGHT:
            return Bet(ratios, self.outright or self.null)
        if self.far and ratios[-1] >= bets.FAR:
            above = ratios[-1] * self.null.rho / self.far.rho
            return self._sparing(Bet((*ratios[:-1], above), self.far))
        return self._sparing(Bet(ratios, self.null))

    def _sparing(self, bet: Bet) -> Bet:
        """Count the canary's failures as one where that says more than a discount for clumps."""
        if self.usual is None:
            return bet
        null = bet.null
        rest = max(null.phi - self.clumps + 1, 1.0)
        rate = bet.ratios[-1] * (null.rho * self.usual + null.delta)
        if not clumps.are_rare(sum(self.canary), rate, null.phi, rest):
            return bet
        return Bet(bet.ratios, replace(null, phi=rest), once=True)


def with_moods(question: Question, swing: float) -> Question:
    """Reckon with moods of which nothing is known: bets on little harm take their time.

    But no mood multiplies a version's failures by six: bets on that need only beat the largest.
    swing: how fast chance alone drives the arms apart, as in `moods`.
    """
    null = question.null
    moody = null.phi + moods.UNKNOWN_S * swing
    far = Null(null.rho * moods.LARGEST, null.delta, null.phi)
    return replace(
        question,
        null=replace(null, phi=moody),
        outright=question.outright or null,
        far=far if moody > moods.MATTERS * null.phi else None,
    )


def weigh(question: Question, share: float) -> tuple[float, ...]:
    """Return ln e of each bet. share: the canary's of the traffic."""
    return tuple(
        log_e(
            clumps.as_one(question.canary) if bet.once else question.canary,
            question.stable,
            pays(bet.ratios, share, bet.null),
            bet.null,
        )
        for bet in question.bets
    )
