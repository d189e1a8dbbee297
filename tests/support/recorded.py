"""Recorded traffic through the real engine: its counters, by a clock that jumps."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import cast

import numpy as np
from tests.support.engine import Rig
from tests.support.eventually import eventually
from tests.support.interposed import Interposed

from chimera.bench.judge.world import BOUNDS_MS, Traces
from chimera.core.events import AbortRequested
from chimera.core.model import Fence, Reading, Revision, Sample, Service
from chimera.core.plan import AnalysisPlan, Rollout, RolloutPlan, Step
from chimera.core.state import State
from chimera.engine.deps import EngineDeps
from chimera.engine.steps import LOOKS_OF_A_SHIFT
from chimera.engine.worker import run_worker
from chimera.platforms.memory import MemoryInventory, MemoryPlatform
from chimera.ports.ledger import LookRecord
from chimera.ports.metrics import MetricSource

START = datetime(2030, 1, 1, tzinfo=UTC)


class JumpingClock:
    """Time passes only when somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass
class Arm:
    """What one version has counted, second by second: requests, errors, cells."""

    totals: list[np.ndarray] = field(
        default_factory=lambda: [np.zeros(2 + len(BOUNDS_MS) + 1, dtype=np.int64)]
    )

    def sample(self, source: str, lag_s: int) -> Sample:
        """Return the counters as they were `lag_s` ago."""
        requests, errors, *cells = map(int, self.totals[max(len(self.totals) - 1 - lag_s, 0)])
        *counts, timed = accumulate(cells)
        return Sample(source, requests, errors, BOUNDS_MS, tuple(counts), timed)


class RecordedSource:
    """A MetricSource that plays one run of drawn traces, by the weights that are in force.

    The traces stand still while a weight is shifted, as they do in the benchmark.
    lag_s: so late the canary's numbers show; negative: stable's. declared_s: what it says of it.
    """

    min_interval_s = 0.0

    def __init__(self, platform: Interposed, clock: JumpingClock, traces: Traces, run: int) -> None:
        self._platform, self._clock, self._traces, self._run = platform, clock, traces, run
        self.lag_s, self.declared_s = 0, 0.0
        self.second = 0
        self._weight, self._since = 0, 0.0
        self._arms = (Arm(), Arm())

    @property
    def out(self) -> bool:
        """Whether the traces are over."""
        return self.second >= len(self._traces.requests)

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        split = await self._platform.inner.router.read(service)
        if split.weight != self._weight:
            self._weight, self._since = split.weight, self._clock.seconds - self.second
        until = round(self._clock.seconds - self._since) if split.weight else 0
        while self.second < min(until, len(self._traces.requests)):
            self._play(split.weight)
        ours = self._arms[1].sample("canary", max(self.lag_s, 0))
        theirs = self._arms[0].sample("stable", max(-self.lag_s, 0))
        return Reading(self._clock.now(), (ours,), (theirs,), "recorded", self.declared_s)

    def _play(self, weight: int) -> None:
        here = np.asarray(self._traces.edges) <= weight
        at = (self.second, self._run)
        for arm, mine in ((0, ~here), (1, here)):
            counted = [
                (self._traces.requests[at] * mine).sum(),
                (self._traces.failed[arm][at] * mine).sum(),
                *(self._traces.cells[arm][at] * mine[:, None]).sum(0),
            ]
            self._arms[arm].totals.append(self._arms[arm].totals[-1] + np.array(counted))
        self.second += 1


class Recorded(Interposed):
    """The memory platform with the recorded source in place of its metrics."""

    source: RecordedSource

    @property
    def metrics(self) -> MetricSource:
        return cast("MetricSource", self.source)


@dataclass
class Played:
    """How a rollout went: its last state and its looks, in order."""

    state: State
    looks: list[LookRecord]

    @property
    def watched(self) -> list[LookRecord]:
        """The looks of the steps, without those of the shifts between them."""
        return [one for one in self.looks if one.number < LOOKS_OF_A_SHIFT]

    @property
    def shifts(self) -> list[int]:
        """How many looks were made during each shift from one weight to the next."""
        steps = {one.generation: one.step for one in self.watched}
        found = Counter(one.generation for one in self.looks if one.number >= LOOKS_OF_A_SHIFT)
        return [found[generation + 1] for generation in sorted(steps)]


@asynccontextmanager
async def playing(rig: Rig, analysis: AnalysisPlan, bake_s: int) -> AsyncIterator[Player]:
    """Run a worker of the real engine whose clock jumps."""
    clock = JumpingClock()
    platform = Recorded(MemoryPlatform(MemoryInventory(), clock=clock))
    deps = EngineDeps(rig.ledger, lambda _name: platform.platform, clock)
    async with run_worker(rig.settings, rig.address, deps):
        yield Player(rig, platform, clock, analysis, timedelta(seconds=bake_s))


@dataclass
class Player:
    """Plays runs of traces one after the other, each as a rollout of its own."""

    rig: Rig
    platform: Recorded
    clock: JumpingClock
    analysis: AnalysisPlan
    bake: timedelta

    async def play(
        self, traces: Traces, run: int, *, lag_s: int = 0, declared_s: float = 0.0
    ) -> Played:
        """Deploy, wait for the end, and tell it."""
        source = RecordedSource(self.platform, self.clock, traces, run)
        source.lag_s, source.declared_s = lag_s, declared_s
        self.platform.source = source
        service = Service(f"played-{uuid.uuid4().hex[:8]}", "memory", {"rate": 0})
        stable, canary = Revision("v1"), Revision("v2")
        await self.platform.inner.orchestrator.install(service, stable, Fence("before", 1))
        steps = tuple(Step(weight, self.bake) for weight in self.analysis.weights)
        its = RolloutPlan(
            steps=steps,
            analysis=replace(self.analysis, no_data_deadline=timedelta(hours=1)),
            progress_deadline=timedelta(hours=12),
            drain_timeout=timedelta(0),
        )
        rollout = Rollout(f"r-{uuid.uuid4().hex[:10]}", service, stable, canary, its)
        await self.rig.client.start(rollout)
        found: list[State] = []

        async def over_or_out() -> bool:
            found[:] = [await self.rig.client.state(rollout.id)]
            if source.out and not found[0].over:
                await self.rig.ask(rollout, AbortRequested)
            return found[0].over

        await eventually(over_or_out, within_s=60)
        return Played(found[0], list(self.rig.ledger.looks[rollout.id].values()))
