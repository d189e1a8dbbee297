"""The judge's arithmetic for many rollouts at once: `kernel` and `bets` over arrays."""

from __future__ import annotations

import numpy as np

from chimera.bench.judge.world import Floats
from chimera.core.analysis import bets, kernel
from chimera.core.analysis.history import SLOW


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
    known = missing | ((now >= kernel.KNOWN_BY_COUNT) & (stable > 0))
    spread = kernel.SIGMAS * np.sqrt(both * configured * (1 - configured)) + 1
    odd = (both >= kernel.KNOWN_BY_COUNT) & (np.abs(past - both * configured) > spread)
    blend = (past + kernel.PSEUDO_REQUESTS * configured) / (both + kernel.PSEUDO_REQUESTS)
    with np.errstate(invalid="ignore", divide="ignore"):
        blend = np.where(odd, past / both, blend)
        return np.where(known, n / (n + stable), blend)


def wealth(logs: Floats, shares: tuple[float, ...], cash: Floats) -> Floats:
    """Return `kernel.log_wealth` per run."""
    return log_sum(np.concatenate([logs + np.log(shares), cash[:, None]], 1), 1)


def grow(logs: Floats, staked: Floats, log_es: Floats) -> Floats:
    """Return `kernel.grow` per run."""
    with np.errstate(divide="ignore"):
        return np.logaddexp(logs, np.log(staked)[:, None]) + log_es


def slow_of(past: Floats, stable: Floats) -> tuple[Floats, Floats]:
    """Return stable's slow requests and all that have a latency; slow: what few were before."""
    total = past.sum(1)
    reached = np.cumsum(past, 1) >= SLOW * total[:, None]
    cut = np.minimum(np.argmax(reached & (past > 0), 1), past.shape[1] - 2)
    beyond = np.arange(past.shape[1]) > cut[:, None]
    timed = stable.sum(1)
    return (stable * beyond).sum(1), np.where(total > 0, timed, 0.0)


def slow_ratios(stable: Floats, rho: float) -> Floats:
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
