"""Which worlds are played: healthy ones and faulty ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chimera.bench.judge.world import Scenario

RATES = (10.0, 100.0, 1000.0, 10_000.0)
SLOW_RATES = (1 / 6, 1.0)
BASES = (0.0, 0.001, 0.01)
FAULTS = (
    Scenario("errors +1 %", 0, plus=0.01),
    Scenario("errors +5 %", 0, plus=0.05),
    Scenario("errors +50 %", 0, plus=0.5),
    Scenario("errors 100 %", 0, plus=1.0),
    Scenario("errors x2", 0, times=2),
    Scenario("errors x5", 0, times=5),
    Scenario("latency +10 %", 0, slow=1.1),
    Scenario("latency +50 %", 0, slow=1.5),
    Scenario("latency x3", 0, slow=3),
    Scenario("late +5 %", 0, plus=0.05, onset_s=150),
    Scenario("drift to +5 %", 0, plus=0.05, drift=True),
)
HEALTHY = (
    Scenario("plain", 0),
    Scenario("diurnal load", 0, diurnal=0.5),
    Scenario("outage of both", 0, outage=0.3),
    Scenario("noise per arm", 0, errors=0.01, arm_noise=0.3),
    Scenario("noise in common", 0, errors=0.01, common_noise=0.7),
    Scenario("failures by threes", 0, batch=3),
    Scenario("failures by eights", 0, batch=8),
    Scenario("cold start x3", 0, cold_start=3),
)


def faulty(rates: tuple[float, ...], bases: tuple[float, ...]) -> tuple[Scenario, ...]:
    """Return each fault at each rate and base error rate; a multiple of zero is left out."""
    return tuple(
        replace(fault, rate=rate, errors=base)
        for fault in FAULTS
        for base in bases
        if base or fault.times == 1
        for rate in rates
    )


def healthy(rates: tuple[float, ...], bases: tuple[float, ...]) -> tuple[Scenario, ...]:
    """Return each healthy world at each rate; the plain one at each base error rate."""
    plain = tuple(replace(HEALTHY[0], rate=r, errors=b) for b in bases for r in rates)
    return plain + tuple(replace(world, rate=rate) for world in HEALTHY[1:] for rate in rates)


@dataclass(frozen=True, slots=True)
class Grid:
    """Which worlds, and how many rollouts in each: runs of (faulty, healthy) ones."""

    rates: tuple[float, ...]
    bases: tuple[float, ...]
    runs: tuple[int, int]

    @property
    def worlds(self) -> tuple[Scenario, ...]:
        """All worlds, faulty ones first."""
        slow = (*SLOW_RATES, *self.rates)
        return (*faulty(self.rates, self.bases), *healthy(slow, self.bases))


WHOLE = Grid(RATES, BASES, (100, 500))
QUICK = Grid((10.0, 100.0, 1000.0), (0.001,), (60, 100))
