"""A source whose points are rare and late, as CloudWatch's are: what a watch makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment
from tests.support.engine import plan
from tests.support.ledger import MemoryLedger
from tests.support.watching import Script

from chimera.core.effects import Watch
from chimera.core.events import AnyResult, Judged
from chimera.core.model import Fence, Reading, Revision, Service, Verdict
from chimera.core.plan import Rollout, Step
from chimera.engine.beat import Beat
from chimera.engine.job import Job
from chimera.engine.looks import LookWriter
from chimera.engine.messages import Task
from chimera.engine.watch import Watcher
from chimera.platforms.memory import MemoryInventory, MemoryPlatform
from chimera.ports.metrics import MetricSource

PERIOD_S = 60.0
BAKE = timedelta(minutes=1)
STABLE, CANARY = Revision("v1"), Revision("v2")


@dataclass
class Periodic:
    """Shows what `inner` counted at the end of each period, `late_s` later; nothing at all if not.

    At its first read it does not know yet how rare its points are.
    """

    inner: MetricSource
    script: Script
    service: Service
    late_s: float | None
    min_interval_s: float = 10.0
    points: list[tuple[float, Reading]] = field(default_factory=list)
    reads: int = 0

    async def note(self) -> None:
        """Take a point if a period ends now."""
        if self.script.seconds % PERIOD_S == 0:
            found = await self.inner.read(self.service, STABLE, CANARY)
            self.points.append((self.script.seconds, found))

    async def read(self, service: Service, stable: Revision, canary: Revision) -> Reading:
        assert (service, stable, canary) == (self.service, STABLE, CANARY)
        self.reads += 1
        self.min_interval_s = PERIOD_S
        known = self.points[:1] if self.late_s is None else self.points
        late_s = self.late_s or 0.0
        return [p for at, p in known if at + late_s <= self.script.seconds or p is known[0][1]][-1]


class Steady(Script):
    """A clock that goes second by second, so that no end of a period is jumped over."""

    source: Periodic

    async def sleep(self, seconds: float) -> None:
        until = self.seconds + seconds
        while self.seconds < until:
            self.seconds = min(until, float(int(self.seconds) + 1))
            await self.source.note()


@dataclass
class Stage:
    """Stable alone from 0 s; the canary gets 10 % at 90 s and is watched for a minute."""

    late_s: float | None = 0.0
    faults: dict[str, object] = field(default_factory=dict)
    script: Steady = field(default_factory=Steady)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    async def watch(self) -> AnyResult:
        platform = MemoryPlatform(MemoryInventory(), clock=self.script)
        settings = {"rate": 500, "errors": "0%", "faults": self.faults}
        service = Service("web", "memory", settings)
        source = self.script.source = Periodic(platform.metrics, self.script, service, self.late_s)
        fence, its = Fence("r1", 2), plan(Step(10, BAKE), Step(100, BAKE))
        analysis = replace(its.analysis, interval=timedelta(seconds=1), no_data_deadline=BAKE)
        rollout = Rollout("r1", service, STABLE, CANARY, replace(its, analysis=analysis))
        effect = Watch(generation=3, step=0, weight=10)
        task = Task(rollout=rollout, effect=effect)
        await platform.orchestrator.install(service, STABLE, fence)
        await source.note()
        await platform.orchestrator.start(service, CANARY, None, fence)
        await self.script.sleep(90)
        await platform.router.set_weights(service, task.split(10), fence, timedelta(hours=1))
        platform.metrics = source
        looks = LookWriter(self.ledger)
        job = Job(task, platform, self.script, looks, Beat())
        result: AnyResult = await ActivityEnvironment().run(Watcher(job, effect).run)
        await looks.close()
        return result


async def judged(stage: Stage) -> Judged:
    result = await stage.watch()
    assert isinstance(result, Judged)
    return result


@pytest.mark.parametrize(("late_s", "until_s"), [(0.0, 180), (45.0, 225)])
async def test_a_minute_is_baked_by_numbers_of_a_minute_with_the_canary(
    late_s: float, until_s: int
) -> None:
    """The weight came at 90 s: 120 s to 180 s is the first whole minute; before, it is half."""
    stage = Stage(late_s)
    found = await judged(stage)
    assert found.judgement.verdict is Verdict.HEALTHY
    assert until_s <= stage.script.seconds <= until_s + PERIOD_S / 4 + 1
    gaps = {record.look.gap for record in stage.ledger.looks["r1"].values()}
    assert gaps <= {"", "the canary is seen for the first time: the baseline"}


async def test_a_fault_is_seen_in_the_first_point_of_the_new_weight_alone() -> None:
    """The point before shows two weights in one: its shares of the traffic fit neither."""
    stage = Stage(faults={"v2": {"errors": "50%"}})
    found = await judged(stage)
    assert found.judgement.verdict is Verdict.UNHEALTHY
    assert stage.script.seconds <= 180 + PERIOD_S / 4 + 1


async def test_numbers_that_never_come_hold_and_then_are_inconclusive() -> None:
    stage = Stage(late_s=None)
    found = await judged(stage)
    assert found.judgement.verdict is Verdict.INCONCLUSIVE
    gaps = {record.look.gap for record in stage.ledger.looks["r1"].values()}
    assert all(gap.startswith("the metrics have had nothing new for 3 min") for gap in gaps)
    assert stage.script.source.reads < 60
