"""The rule of `chimera.core.analysis`, for many rollouts at once: the same sums over arrays.

A test holds the two together, look by look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chimera.bench.judge.spreads import Spreads
from chimera.bench.judge.totals import Bools, Seen
from chimera.bench.judge.world import Floats
from chimera.core.analysis import bets, kernel, moods
from chimera.core.analysis.checks import ERROR_SLACK, ERRORS_OF_ALL, LATENCY_SLACK, UNCERTAIN_PAST
from chimera.core.analysis.gate import KEEP, gate_stake
from chimera.core.analysis.history import SLOW, Lesson
from chimera.core.plan import AnalysisPlan

SUSPICION = np.log(10.0)


def log_sum(terms: Floats, axis: int) -> Floats:
    """Return ln of the sum of exponentials along an axis."""
    top = np.max(terms, axis=axis)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total = safe + np.log(np.exp(terms - np.expand_dims(safe, axis)).sum(axis=axis))
    return np.asarray(total, dtype=np.float64)


def pays(ratios: Floats, share: Floats, rho: float, delta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (f, h, cost) as `kernel.pays` does; ratios: (runs, bets, cells), share: (runs,)."""
    pull = rho * share
    weight = np.minimum(pull / (pull + 1 - share), 1 - 1e-12)[:, None]
    odds = weight / (1 - weight)
    f0 = ratios[..., 0] / (1 + weight * (ratios[..., 0] - 1))
    best = 1 - odds * (f0 - 1) / rho
    most = f0 + np.maximum(best - kernel.LEAST_PAY, 0) / np.maximum(odds, 1e-12)
    f = np.minimum(ratios / (1 + weight[..., None] * (ratios - 1)), most[..., None])
    h = best[..., None] - odds[..., None] * (f - f0[..., None])
    return f, h, delta[:, None] * (f[..., -1] - f0)


def log_e(canary: Floats, stable: Floats, bet: tuple[Floats, Floats, Floats]) -> Floats:
    """Return ln e per run and bet: (runs, bets); canary, stable: (runs, cells)."""
    f, h, cost = bet
    gain = (canary[:, None] * np.log(f)).sum(-1) + (stable[:, None] * np.log(h)).sum(-1)
    return np.asarray(gain - cost * canary.sum(-1)[:, None], dtype=np.float64)


def traffic_share(n: Floats, stable: Floats, weight: Floats, past: Floats, other: Floats) -> Floats:
    """Return `kernel.traffic_share` per run."""
    both, configured = past + other, weight / 100
    now, ever = (n + stable) * configured, (n + stable + both) * configured
    few_now = now - n > kernel.FEW_SIGMAS * np.sqrt(now)
    few_ever = ever - n - past > kernel.FEW_SIGMAS * np.sqrt(ever)
    missing = (n + stable > 0) & (few_now | few_ever)
    known = missing | ((n >= kernel.KNOWN_BY_COUNT) & (stable > 0))
    spread = kernel.SIGMAS * np.sqrt(both * configured * (1 - configured)) + 1
    odd = (both >= kernel.KNOWN_BY_COUNT) & (np.abs(past - both * configured) > spread)
    blend = (past + kernel.PSEUDO_REQUESTS * configured) / (both + kernel.PSEUDO_REQUESTS)
    with np.errstate(invalid="ignore", divide="ignore"):
        blend = np.where(odd, past / both, blend)
        return np.where(known, n / (n + stable), blend)


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
        ratios = np.broadcast_to(np.array(bets.ERROR_BETS), (len(n), len(bets.ERROR_BETS), 2))
        rho = 1 + self.plan.error_tolerance
        slack = np.full(len(n), ERROR_SLACK)
        full = seen.weight >= 100
        step = np.searchsorted(self.plan.weights, seen.weight)
        phi = self.error_spread.phi(step)[:, None]
        near = log_e(*both, pays(ratios, share, rho, slack))
        above = ratios / (1.0, moods.LARGEST)
        wide = log_e(*both, pays(above, share, rho * moods.LARGEST, slack))
        moody = phi + np.where(full, 0.0, self.error_spread.moody(seen.weight))[:, None]
        far = self.far & (moody > moods.MATTERS * phi)
        clumps = np.where(self.taught_clumps > 0, self.taught_clumps, phi[:, 0])
        outright = np.where(self.error_spread.guessed, 1.0, clumps)[:, None]
        errors = np.where(far, wide / phi, near / np.where(self.bold, outright, moody))
        alone = self._alone(n, bad) / np.where(self.bold, outright, phi)
        errors = np.where(full[:, None], alone, errors)
        latency = self._latency(seen, share, full) / self.latency_spread.phi(step)[:, None]
        shown = np.where(self.error_spread.known, self.error_spread.clumps(), np.inf)
        self._advance_gate(seen, share, both, np.minimum(clumps, shown)[:, None])
        self.errors = _grow(self.errors, staked, errors)
        self.latency = _grow(self.latency, staked, latency)
        self.elapsed += seen.span
        self.window += (n, stable)
        self.error_spread.learn(stable_bad, stable, seen.span)
        self.latency_spread.learn(*_slow(self.stable_cells, np.asarray(seen.cells[0], float)))
        self.stable += (stable, stable_bad)
        self.stable_cells += seen.cells[0]
        return self._verdict(full)

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

    def _alone(self, n: Floats, bad: Floats) -> Floats:
        past, past_bad = self.stable
        with np.errstate(divide="ignore", invalid="ignore"):
            usual = np.minimum((past_bad + 2 + 2 * np.sqrt(past_bad + 1)) / past, 1.0)
        most = np.minimum(usual * UNCERTAIN_PAST + self.plan.harm_budget, 1.0)[:, None]
        f0, f1 = np.array(bets.ERROR_BETS).T
        gain = (n - bad)[:, None] * np.log(f0) + bad[:, None] * np.log(f1)
        worth = gain - n[:, None] * (f0 - 1 + most * (f1 - f0))
        return np.where(past[:, None] > 0, worth, 0.0)

    def _latency(self, seen: Seen, share: Floats, full: Bools) -> Floats:
        nothing = np.zeros_like(self.latency)
        if self.elapsed < self.plan.warm_up.total_seconds():
            return nothing
        rho = 1 + self.plan.latency_tolerance
        ratios = _slow_ratios(self.stable_cells, rho)
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
        self.gate = _grow(self.gate, staked, found)
        self.age = self.age + seen.span

    def _verdict(self, full: Bools) -> tuple[Bools, Bools]:
        with np.errstate(divide="ignore"):
            cash = np.log(np.maximum(1 - self.spent, 0))
        errors = _wealth(self.errors, bets.ERROR_SHARES, cash)
        latency = _wealth(self.latency, bets.SLOW_SHARES, cash)
        shares = np.log([[ERRORS_OF_ALL], [1 - ERRORS_OF_ALL]])
        total = log_sum(np.stack([errors, latency]) + shares, 0)
        back = total >= -np.log(self.plan.alpha)
        if not self.gated:
            return back, np.ones_like(back)
        gate = log_sum(self.gate + np.log(bets.GATE_SHARES), 1)
        calm = (errors < SUSPICION) & (latency < SUSPICION)
        self.passed |= gate >= -np.log(self.plan.doubt)
        return back, calm & (full | (self.passed & (gate >= KEEP)))


def _wealth(logs: Floats, shares: tuple[float, ...], cash: Floats) -> Floats:
    return log_sum(np.concatenate([logs + np.log(shares), cash[:, None]], 1), 1)


def _grow(logs: Floats, staked: Floats, log_es: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.logaddexp(logs, np.log(staked)[:, None]) + log_es


def _slow(past: Floats, stable: Floats) -> tuple[Floats, Floats]:
    """Return stable's slow requests and all that have a latency; slow: what few were before."""
    total = past.sum(1)
    reached = np.cumsum(past, 1) >= SLOW * total[:, None]
    cut = np.minimum(np.argmax(reached & (past > 0), 1), past.shape[1] - 2)
    beyond = np.arange(past.shape[1]) > cut[:, None]
    timed = stable.sum(1)
    return (stable * beyond).sum(1), np.where(total > 0, timed, 0.0)


def _slow_ratios(stable: Floats, rho: float) -> Floats:
    """Return `bets.slow_ratios` for every run and slowdown: (runs, slowdowns, cells)."""
    cells = stable.shape[1]
    shares = (stable + bets.SMOOTHING) / (stable.sum(-1) + bets.SMOOTHING * cells)[:, None]
    after = np.maximum(1 - np.cumsum(shares, -1), 0)[:, None]
    slowdown = np.array(bets.SLOWDOWNS)[:, None]
    worse_after = slowdown * after / (1 - after + slowdown * after)
    one = np.ones((*worse_after.shape[:2], 1))
    before = np.concatenate([np.ones_like(after[..., :1]), after[..., :-1]], -1)
    worse = np.concatenate([one, worse_after[..., :-1]], -1)
    ratios = (worse - worse_after) / np.maximum(before - after, 1e-12)
    ratios = np.maximum.accumulate(ratios, -1)
    rest = np.maximum(ratios[..., 1:] / rho, ratios[..., :1])
    return np.concatenate([ratios[..., :1], rest], -1)
