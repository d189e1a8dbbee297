"""Traces: what every request would meet on either version, so that all rules see the same world."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEDIAN_MS, SIGMA = 80.0, 0.6
BOUNDS_MS = (100.0, 250.0, 500.0)
OUTAGE = (100, 130)


@dataclass(frozen=True, slots=True)
class Plan:
    """Weights in percent, each held for `bake_s`."""

    weights: tuple[int, ...] = (5, 10, 25, 50, 100)
    bake_s: int = 60

    @property
    def seconds(self) -> int:
        """How long it takes without holding."""
        return self.bake_s * len(self.weights)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world. Rates per second; error rates as ratios; what the canary adds or multiplies.

    onset_s: the fault begins here; drift: it grows from 60 to 240 s. arm_noise, common_noise: sigma
    of slow noise of the log error rate, on each arm or both. batch: the size of clumps of failures.
    lag_s: the canary's numbers are so much ahead of stable's in an outage.
    """

    name: str
    rate: float
    errors: float = 0.001
    plus: float = 0.0
    times: float = 1.0
    slow: float = 1.0
    onset_s: int = 0
    drift: bool = False
    diurnal: float = 0.0
    outage: float = 0.0
    arm_noise: float = 0.0
    common_noise: float = 0.0
    batch: int = 1
    cold_start: float = 1.0
    lag_s: int = 0

    @property
    def faulty(self) -> bool:
        """Whether the canary is worse than stable."""
        return self.plus > 0 or self.times > 1 or self.slow > 1


@dataclass(frozen=True, slots=True)
class Traces:
    """What happens per second, run and band of weights: (seconds, runs, bands).

    requests; failed if served by stable or by the canary; latency cells likewise, with one more
    axis (4,). excess: how many bad responses (failed or over 500 ms) the canary adds.
    """

    edges: tuple[int, ...]
    requests: Ints
    failed: tuple[Ints, Ints]
    cells: tuple[Ints, Ints]
    excess: Floats


def tails(slowdown: Floats | float) -> Floats:
    """Return the share of responses beyond each bound: (..., 3)."""
    scale = np.log(MEDIAN_MS * np.asarray(slowdown, dtype=np.float64))[..., None]
    z = (np.log(BOUNDS_MS) - scale) / SIGMA
    beyond = np.vectorize(lambda value: 1 - NormalDist().cdf(value))(z)
    return np.asarray(beyond, dtype=np.float64)


def noise(rng: np.random.Generator, seconds: int, runs: int, sigma: float) -> Floats:
    """Draw e^(AR(1) noise), tau 60 s, with mean 1: (seconds, runs)."""
    if not sigma:
        return np.ones((seconds, runs))
    keep = np.exp(-1 / 60)
    series = np.empty((seconds, runs))
    value = rng.normal(0, sigma, runs)
    for second in range(seconds):
        series[second] = value
        value = keep * value + rng.normal(0, sigma * np.sqrt(1 - keep**2), runs)
    return np.exp(series - sigma**2 / 2)


def draw(scenario: Scenario, plan: Plan, runs: int, seconds: int, seed: int) -> Traces:
    """Draw the traces of a scenario."""
    rng = np.random.default_rng(seed)
    edges = tuple(sorted({*plan.weights, 100}))
    widths = np.diff((0, *edges)) / 100
    time = np.arange(seconds)
    rate = scenario.rate * (1 + scenario.diurnal * np.sin(2 * np.pi * time / 600))
    requests = rng.poisson(rate[:, None, None] * widths, (seconds, runs, len(edges)))
    bad = _error_rates(scenario, rng, seconds, runs)
    strength = _strength(scenario, time)
    base = tails(1.0)
    slow = tails(1 + (scenario.slow - 1) * strength)
    if scenario.cold_start > 1:
        slow[:30] = np.maximum(slow[:30], tails(scenario.cold_start))
    failed = tuple(_fail(rng, requests, rates[..., None], scenario.batch) for rates in bad)
    cells = (
        _cells(rng, requests, np.broadcast_to(base, slow.shape)),
        _cells(rng, requests, slow),
    )
    excess = (bad[1] - bad[0])[..., None] * requests
    excess = excess + (slow[:, 2] - base[2])[:, None, None] * requests * (scenario.slow > 1)
    if not scenario.faulty:
        excess = np.zeros_like(excess)
    return Traces(edges, requests, (failed[0], failed[1]), cells, excess)


def _strength(scenario: Scenario, time: Ints) -> Floats:
    if scenario.drift:
        return np.clip((time - 60) / 180, 0, 1)
    return (time >= scenario.onset_s).astype(np.float64)


def _error_rates(
    scenario: Scenario, rng: np.random.Generator, seconds: int, runs: int
) -> tuple[Floats, Floats]:
    common = noise(rng, seconds, runs, scenario.common_noise)
    arms = [scenario.errors * common * noise(rng, seconds, runs, scenario.arm_noise) for _ in "sc"]
    strength = _strength(scenario, np.arange(seconds))[:, None]
    stable, canary = arms
    canary = canary * (1 + (scenario.times - 1) * strength) + scenario.plus * strength
    if scenario.outage:
        first, last = OUTAGE
        stable[first:last] += scenario.outage
        canary[first - scenario.lag_s : last - scenario.lag_s] += scenario.outage
    return np.minimum(stable, 1), np.minimum(canary, 1)


def _fail(rng: np.random.Generator, requests: Ints, rates: Floats, batch: int) -> Ints:
    if batch == 1:
        return rng.binomial(requests, rates)
    return np.minimum(batch * rng.poisson(requests * rates / batch), requests)


def _cells(rng: np.random.Generator, requests: Ints, beyond: Floats) -> Ints:
    """Draw how many requests fall into each latency cell: (seconds, runs, bands, 4)."""
    cells = np.empty((*requests.shape, len(BOUNDS_MS) + 1), dtype=np.int64)
    left, before = requests, np.ones(len(requests))
    for index in range(len(BOUNDS_MS)):
        share = np.clip(beyond[:, index] / np.maximum(before, 1e-300), 0, 1)[:, None, None]
        over = rng.binomial(left, share)
        cells[..., index] = left - over
        left, before = over, beyond[:, index]
    cells[..., -1] = left
    return cells
