"""One watch by a clock of the test's, without a server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment
from tests.support.engine import plan
from tests.support.interposed import Interposed, Trouble
from tests.support.ledger import MemoryLedger

from chimera.core.effects import Watch
from chimera.core.events import AnyResult
from chimera.core.model import Fence, Revision, Service
from chimera.core.plan import Rollout, Step
from chimera.engine.beat import Beat
from chimera.engine.deps import no_provider
from chimera.engine.job import Job
from chimera.engine.looks import LookWriter
from chimera.engine.messages import Task, WatchMemory
from chimera.engine.own import Providers
from chimera.engine.watch import Watcher
from chimera.platforms.memory import MemoryInventory, MemoryPlatform

MINUTE = timedelta(minutes=1)


@dataclass
class Script:
    """A clock that jumps, and does at its moments (seconds) what the test says."""

    seconds: float = 0.0
    at: dict[float, object] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for moment in [m for m in self.at if m <= self.seconds]:
            self.at.pop(moment)()  # type: ignore[operator]


@dataclass
class Stage:
    """A canary at 10 % under watch for a minute, a look each 5 s; a minute more without data.

    settings: the memory platform's; analysis: changes of the plan's.
    """

    script: Script = field(default_factory=Script)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    beat: Beat = field(default_factory=Beat)
    settings: dict[str, object] = field(default_factory=dict)
    analysis: dict[str, Any] = field(default_factory=dict)
    provider: Providers = no_provider
    hold: bool = False
    lease: timedelta = timedelta(seconds=15)

    def __post_init__(self) -> None:
        inventory = MemoryInventory()
        self.platform = Interposed(MemoryPlatform(inventory, clock=self.script))

    async def watch(self, memory: WatchMemory | None = None) -> AnyResult:
        its = plan(Step(10, MINUTE), Step(100, MINUTE), lease=self.lease)
        analysis = replace(its.analysis, interval=timedelta(seconds=5), no_data_deadline=MINUTE)
        analysis = replace(analysis, **self.analysis)
        service = Service("web", "memory", {"rate": 500, "errors": "0%", **self.settings})
        rollout = Rollout(
            "r1", service, Revision("v1"), Revision("v2"), replace(its, analysis=analysis)
        )
        effect = Watch(generation=3, step=0, weight=10, hold=self.hold)
        task = Task(rollout=rollout, effect=effect)
        inner, fence = self.platform.inner, Fence("r1", 2)
        await inner.orchestrator.install(service, rollout.stable, fence)
        await inner.orchestrator.start(service, rollout.canary, None, fence)
        await inner.router.set_weights(service, task.split(10), fence, its.lease)
        looks = LookWriter(self.ledger)
        job = Job(task, self.platform.platform, self.script, looks, self.beat, self.provider)
        result: AnyResult = await ActivityEnvironment().run(Watcher(job, effect, memory).run)
        await looks.close()
        return result

    def trouble(self, operation: str, trouble: Trouble | None) -> None:
        if trouble is None:
            self.platform.trouble.pop(operation, None)
        else:
            self.platform.trouble[operation] = trouble
