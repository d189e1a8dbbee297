"""The data plane of one simulated service: who gets the requests, and what they meet.

Nothing runs in the background. Whoever looks or changes something first settles the time since the
last settlement: the requests of that time are drawn at once, by the split that was in force.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from chimera.core.model import Revision, Sample, Split
from chimera.platforms.memory.draws import binomial, multinomial, poisson
from chimera.platforms.memory.options import Fault, MemoryTarget

BOUNDS_MS = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
_SIGMA = 0.6  # of the logarithm of the latency, as web services have it
_HEALTHY = Fault()


@dataclass
class Fleet:
    """The replicas of one revision and what they have counted. Times are the clock's seconds."""

    revision: Revision
    replicas: int
    ready_at: float
    source: str
    first_at: float | None = None
    idle_since: float = -math.inf
    requests: int = 0
    errors: int = 0
    cells: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def sample(self) -> Sample:
        """Return the counters as a metric source shows them."""
        counts, total = [], 0
        for cell in self.cells[:-1]:
            total += cell
            counts.append(total)
        return Sample(
            self.source, self.requests, self.errors, BOUNDS_MS, tuple(counts), self.requests
        )


class DataPlane:
    """One service: its fleets, the durable stable revision, the leased split."""

    def __init__(self, name: str, target: MemoryTarget, now: float) -> None:
        self.name = name
        self.target = target
        self.fleets: dict[str, Fleet] = {}
        self.stable = ""
        self.canary = ""
        self.weight = 0
        self.lease_ends = -math.inf
        self.rng = Random(f"{target.seed}:{name}")  # noqa: S311  # a simulation, not a secret
        self._settled = now
        self._made = 0

    def make(self, revision: Revision, replicas: int, ready_at: float) -> Fleet:
        """Start the replicas of a revision; what runs already stays."""
        if revision.name not in self.fleets:
            self._made += 1  # another start is another instance: its counters begin at zero
            source = f"{self.name}/{revision.name}#{self._made}"
            self.fleets[revision.name] = Fleet(revision, replicas, ready_at, source)
        return self.fleets[revision.name]

    def split(self, now: float) -> Split:
        """Return the split in force."""
        self.settle(now)
        return Split(self.stable, self.canary, self.weight)

    def steer(self, canary: str, weight: int, lease_ends: float, now: float) -> None:
        """Put weights in force; they fall back to stable when the lease ends."""
        self._change(self.stable, canary, weight, now)
        self.lease_ends = lease_ends

    def make_stable(self, name: str, now: float) -> None:
        """Give all traffic to one revision, durably."""
        self._change(name, "", 0, now)

    def has_traffic(self, name: str, now: float) -> bool:
        """Whether any request may be sent to a revision."""
        self.settle(now)
        return name in self._served()

    def settle(self, now: float) -> None:
        """Draw the requests since the last settlement."""
        if self.weight and self.lease_ends < now:
            ended = max(self.lease_ends, self._settled)
            self._serve(ended)
            self._route(self.stable, self.canary, 0, ended)
        self._serve(now)

    def fault(self, name: str) -> Fault:
        """Return how a revision behaves."""
        return self.target.faults.get(name, _HEALTHY)

    def _served(self) -> set[str]:
        names = {self.stable} if self.weight < 100 else set()
        return names | ({self.canary} if self.weight else set())

    def _change(self, stable: str, canary: str, weight: int, now: float) -> None:
        self.settle(now)
        self._route(stable, canary, weight, now)

    def _route(self, stable: str, canary: str, weight: int, at: float) -> None:
        before = self._served()
        self.stable, self.canary, self.weight = stable, canary, weight
        for name in before - self._served():
            if name in self.fleets:
                self.fleets[name].idle_since = at

    def _serve(self, until: float) -> None:
        seconds, since = until - self._settled, self._settled
        if seconds <= 0:
            return
        self._settled = until
        for name, weight in ((self.stable, 100 - self.weight), (self.canary, self.weight)):
            fleet = self.fleets.get(name)
            if fleet is not None and weight:
                self._meet(fleet, self.target.rate * weight / 100 * seconds, since)

    def _meet(self, fleet: Fleet, expected: float, since: float) -> None:
        if fleet.first_at is None:
            fleet.first_at = since
        fault = self.fault(fleet.revision.name)
        if since < fleet.first_at + fault.after.total_seconds():
            fault = _HEALTHY
        requests = poisson(self.rng, expected)
        failing = self.target.errors if fault.errors is None else fault.errors
        median = fault.latency or self.target.latency
        fleet.requests += requests
        fleet.errors += binomial(self.rng, requests, failing)
        drawn = multinomial(self.rng, requests, _shares(median.total_seconds() * 1000))
        fleet.cells = [old + new for old, new in zip(fleet.cells, drawn, strict=True)]


@lru_cache(maxsize=1024)
def _shares(median_ms: float) -> tuple[float, ...]:
    """Return the share of requests per latency bucket under a lognormal law."""
    below = [
        (1 + math.erf(math.log(bound / median_ms) / (_SIGMA * math.sqrt(2)))) / 2
        for bound in BOUNDS_MS
    ]
    return tuple(high - low for low, high in zip([0.0, *below], [*below, 1.0], strict=True))
