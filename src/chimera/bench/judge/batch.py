"""The rule of `chimera.core.analysis`, for many rollouts at once: the same sums over arrays.

A test holds the two together, look by look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chimera.bench.judge.arrays import (
    grow,
    log_e,
    log_sum,
    pays,
    slow_of,
    slow_ratios,
    traffic_share,
    wealth,
)
from chimera.bench.judge.spreads import Spreads
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats
from chimera.core.analysis import bets, kernel, moods
from chimera.core.analysis.checks import ERROR_SLACK, ERRORS_OF_ALL, LATENCY_SLACK, UNCERTAIN_PAST
from chimera.core.analysis.gate import KEEP, gate_stake
from chimera.core.analysis.history import Lesson
from chimera.core.plan import AnalysisPlan

SUSPICION = np.log(10.0)


@dataclass
class BatchJudge:
    """The judge's state for many runs: compares errors and latency, and holds the gate.

    known: what earlier rollouts taught each run, None where they taught too little.
    """

    plan: AnalysisPlan
    known: Sequence[Lesson | None]
    gated: bool = True

    def __post_init__(self) -> None:
        """Start every run."""
        runs = len(self.known)
        self.errors = np.full((runs, len(bets.ERROR_BETS)), -np.inf)
        self.latency = np.full((runs, len(bets.SLOWDOWNS)), -np.inf)
        self.gate = np.full((runs, len(bets.GATE_BETS)), -np.inf)
        self.age = np.zeros(runs)
        self.passed = np.zeros(runs, bool)
        self.changes = np.zeros(runs)
        self.spent = np.zeros(runs)
        self.elapsed = 0.0
        self.window = np.zeros((2, runs))
        self.stable = np.zeros((2, runs))
        self.stable_cells = np.zeros((runs, 4))
        self.bold = np.array([bet == bets.OUTRIGHT for bet in bets.ERROR_BETS])
        self.far = ~self.bold & (np.array(bets.ERROR_BETS)[:, 1] >= bets.FAR)
        ladder = len(self.plan.weights)
        taught = [lesson or Lesson() for lesson in self.known]
        self.taught_clumps = np.array([lesson.error_clumps for lesson in taught])
        self.error_spread = Spreads(ladder, [lesson.errors for lesson in taught])
        self.latency_spread = Spreads(ladder, [lesson.latency for lesson in taught])

    def look(self, seen: Seen) -> tuple[Bools, Bools]:
        """Learn a look; return (roll back, may advance)."""
        self._renew(seen.changed)
        n, stable = (np.asarray(arm, float) for arm in (seen.n[1], seen.n[0]))
        bad, stable_bad = (np.asarray(arm, float) for arm in (seen.failed[1], seen.failed[0]))
        share = traffic_share(n, stable, seen.weight, *self.window)
        staked = self._stake(seen)
        canary_cells = np.stack([n - bad, bad], -1)
        stable_cells = np.stack([stable - stable_bad, stable_bad], -1)
        both = (canary_cells, stable_cells)
        full = seen.weight >= 100
        step = np.searchsorted(self.plan.weights, seen.weight)
        phi = self.error_spread.phi(step)[:, None]
        clumps = np.where(self.taught_clumps > 0, self.taught_clumps, phi[:, 0])
        moody = phi + np.where(full, 0.0, self.error_spread.moody(seen.weight))[:, None]
        errors = self._errors(n, bad, stable_cells, share, full, (phi, moody, clumps[:, None]))
        latency = self._latency(seen, share, full) / self.latency_spread.phi(step)[:, None]
        shown = np.where(self.error_spread.known, self.error_spread.clumps(), np.inf)
        self._advance_gate(seen, share, both, np.minimum(clumps, shown)[:, None])
        self.errors = grow(self.errors, staked, errors)
        self.latency = grow(self.latency, staked, latency)
        self.elapsed += seen.span
        self.window += (n, stable)
        self.error_spread.learn(stable_bad, stable, seen.span)
        self.latency_spread.learn(*slow_of(self.stable_cells, np.asarray(seen.cells[0], float)))
        self.stable += (stable, stable_bad)
        self.stable_cells += seen.cells[0]
        return self._verdict(full)

    def _errors(
        self,
        n: Floats,
        bad: Floats,
        stable: Floats,
        share: Floats,
        full: Bools,
        discounts: tuple[Floats, Floats, Floats],
    ) -> Floats:
        """Return ln e per run and bet; discounts: phi, with moods assumed, of clumps alone."""
        phi, moody, clumps = discounts
        ratios = np.broadcast_to(np.array(bets.ERROR_BETS), (len(n), len(bets.ERROR_BETS), 2))
        rho, slack = 1 + self.plan.error_tolerance, np.full(len(n), ERROR_SLACK)
        above = ratios / (1.0, moods.LARGEST)
        far = self.far & (moody > moods.MATTERS * phi) & ~full[:, None]
        usual = ((self.stable[1] + 0.5) / (self.stable[0] + 1))[:, None]
        outright = np.where(self.error_spread.guessed[:, None], 1.0, clumps)

        def told(counted: Floats) -> tuple[Floats, Floats, Floats]:
            both = (np.stack([n - counted, counted], -1), stable)
            near = log_e(*both, pays(ratios, share, rho, slack))
            wide = log_e(*both, pays(above, share, rho * moods.LARGEST, slack))
            return near, wide, self._alone(n, counted)

        def chosen(each: tuple[Floats, Floats, Floats]) -> Floats:
            near, wide, alone = each
            return np.where(full[:, None], alone, np.where(far, wide, near))

        plain = np.where(far | full[:, None], phi, moody)
        rest = np.maximum(plain - clumps + 1, 1.0)
        rate = ratios[..., 1] * np.where(
            full[:, None],
            self._unseen(),
            np.where(far, rho * usual + ERROR_SLACK / moods.LARGEST, rho * usual + ERROR_SLACK),
        )
        expected = n[:, None] * np.minimum(rate, 1.0)
        kept = np.where(expected > 0, -np.expm1(-expected) / np.maximum(expected, 1e-300), 1.0)
        once = ~self.bold & (kept > rest / plain)
        singly = chosen(told(bad)) / np.where(self.bold, outright, plain)
        return np.where(once, chosen(told(np.minimum(bad, 1.0))) / rest, singly)

    def _renew(self, changed: Bools) -> None:
        self.gate[changed] = -np.inf
        self.age[changed] = 0
        self.passed &= ~changed
        self.window[:, changed] = 0

    def _stake(self, seen: Seen) -> Floats:
        self.changes += seen.changed
        tail = kernel.stake(self.elapsed, seen.span, 0, first=self.elapsed == 0, changed=False)
        staked = tail + np.where(seen.changed, kernel.AT_CHANGES * 2.0**-self.changes, 0)
        staked = np.minimum(staked, 1 - self.spent)
        self.spent = self.spent + staked
        return staked

    def _unseen(self) -> Floats:
        past, past_bad = self.stable
        with np.errstate(divide="ignore", invalid="ignore"):
            usual = np.minimum((past_bad + 2 + 2 * np.sqrt(past_bad + 1)) / past, 1.0)
        most = np.minimum(usual * UNCERTAIN_PAST + self.plan.harm_budget, 1.0)[:, None]
        return np.asarray(most, dtype=np.float64)

    def _alone(self, n: Floats, bad: Floats) -> Floats:
        past, most = self.stable[0], self._unseen()
        f0, f1 = np.array(bets.ERROR_BETS).T
        gain = (n - bad)[:, None] * np.log(f0) + bad[:, None] * np.log(f1)
        worth = gain - n[:, None] * (f0 - 1 + most * (f1 - f0))
        return np.where(past[:, None] > 0, worth, 0.0)

    def _latency(self, seen: Seen, share: Floats, full: Bools) -> Floats:
        nothing = np.zeros_like(self.latency)
        if self.elapsed < self.plan.warm_up.total_seconds():
            return nothing
        rho = 1 + self.plan.latency_tolerance
        ratios = slow_ratios(self.stable_cells, rho)
        slack = np.full(len(share), LATENCY_SLACK)
        canary, stable = (np.asarray(arm, float) for arm in (seen.cells[1], seen.cells[0]))
        found = log_e(canary, stable, pays(ratios, share, rho, slack))
        known = self.stable_cells.sum(-1) > 0
        return np.where((full | ~known)[:, None], 0.0, found)

    def _advance_gate(
        self, seen: Seen, share: Floats, both: tuple[Floats, Floats], phi: Floats
    ) -> None:
        rho = 1 + self.plan.error_tolerance
        ladder = np.array(sorted({*self.plan.weights, 100}), dtype=float)
        above = np.searchsorted(ladder, seen.weight, side="right")
        nxt = ladder[np.minimum(above, len(ladder) - 1)]
        harm = np.minimum(self.plan.harm_budget * 100 / nxt, 1.0)
        ratios = np.broadcast_to(np.array(bets.GATE_BETS), (len(share), len(bets.GATE_BETS), 2))
        ages, which = np.unique(self.age, return_inverse=True)
        staked = np.array([gate_stake(age, seen.span) for age in ages])[which]
        found = log_e(*both, pays(ratios, share, rho, harm)) / phi
        self.gate = grow(self.gate, staked, found)
        self.age = self.age + seen.span

    def _verdict(self, full: Bools) -> tuple[Bools, Bools]:
        with np.errstate(divide="ignore"):
            cash = np.log(np.maximum(1 - self.spent, 0))
        errors = wealth(self.errors, bets.ERROR_SHARES, cash)
        latency = wealth(self.latency, bets.SLOW_SHARES, cash)
        shares = np.log([[ERRORS_OF_ALL], [1 - ERRORS_OF_ALL]])
        total = log_sum(np.stack([errors, latency]) + shares, 0)
        back = total >= -np.log(self.plan.alpha)
        if not self.gated:
            return back, np.ones_like(back)
        gate = log_sum(self.gate + np.log(bets.GATE_SHARES), 1)
        calm = (errors < SUSPICION) & (latency < SUSPICION)
        self.passed |= gate >= -np.log(self.plan.doubt)
        return back, calm & (full | (self.passed & (gate >= KEEP)))
