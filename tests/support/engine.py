"""One engine for tests: a real Temporal server, the memory platform and a memory ledger."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.worker import Interceptor
from tests.support.eventually import eventually
from tests.support.interposed import Interposed
from tests.support.ledger import MemoryLedger

from chimera.core.events import AnyRequest
from chimera.core.model import Fence, Revision, Service
from chimera.core.plan import AnalysisPlan, Limit, Rollout, RolloutPlan, Step
from chimera.core.state import Phase, State
from chimera.engine.client import EngineClient
from chimera.engine.deps import EngineDeps
from chimera.engine.messages import Answer
from chimera.engine.settings import EngineSettings
from chimera.engine.worker import run_worker
from chimera.platforms.memory import MemoryInventory, MemoryPlatform

BAKE = timedelta(milliseconds=400)


def plan(*steps: Step, **changes: Any) -> RolloutPlan:
    """A plan that is over in seconds: 10, 50, 100 % unless `steps` says otherwise."""
    analysis = AnalysisPlan(
        interval=timedelta(milliseconds=100),
        limits=(Limit("error_rate", max=0.05, min_requests=20),),
        no_data_deadline=timedelta(seconds=1),
    )
    quick = RolloutPlan(
        steps=steps or (Step(10, BAKE), Step(50, BAKE), Step(100, BAKE)),
        analysis=analysis,
        progress_deadline=timedelta(seconds=60),
        lease=timedelta(seconds=6),
        drain_timeout=timedelta(seconds=2),
    )
    return replace(quick, **changes)


@dataclass
class Rig:
    """What a test drives. Each `rollout` gets a service of its own with v1 running."""

    settings: EngineSettings
    address: str
    client: EngineClient
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    platform: Interposed = field(
        default_factory=lambda: Interposed(MemoryPlatform(MemoryInventory()))
    )
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def deps(self) -> EngineDeps:
        """What a worker of this rig is given."""
        return EngineDeps(self.ledger, lambda _name: self.platform.platform)

    @asynccontextmanager
    async def worker(self, interceptors: Sequence[Interceptor] = ()) -> AsyncIterator[None]:
        """Run a worker while the block lasts."""
        async with run_worker(self.settings, self.address, self.deps, interceptors):
            yield

    async def rollout(
        self, its: RolloutPlan | None = None, *, installed: bool = True, **settings: Any
    ) -> Rollout:
        """Start v1 -> v2 of a fresh service; `settings` are the memory platform's."""
        target = {"rate": 2000, "errors": "0%", **settings}
        service = Service(f"web-{next(self._numbers)}", "memory", target)
        stable, canary = Revision("v1"), Revision("v2")
        if installed:
            await self.platform.inner.orchestrator.install(service, stable, Fence("before", 1))
        rollout = Rollout(f"r-{uuid.uuid4().hex[:10]}", service, stable, canary, its or plan())
        await self.client.start(rollout)
        return rollout

    async def ask(self, rollout: Rollout, request: type[AnyRequest], id_: str = "") -> Answer:
        """Ask something of a rollout."""
        return await self.client.request(
            rollout.id, request(at=datetime.now(UTC), by="ada", request=id_)
        )

    async def reach(self, rollout: Rollout, *phases: Phase, within_s: float = 90.0) -> State:
        """Wait until a rollout is in one of `phases`."""
        return await self.until(rollout, lambda state: state.phase in phases, within_s)

    async def until(
        self, rollout: Rollout, true: Callable[[State], bool], within_s: float = 90.0
    ) -> State:
        """Wait until something is true of a rollout's state."""
        found: list[State] = []

        async def there() -> bool:
            found[:] = [await self.client.state(rollout.id)]
            return true(found[0])

        await eventually(there, within_s=within_s, every_s=0.15)  # each look is work for the server
        return found[0]

    async def weight(self, rollout: Rollout) -> int:
        """The canary's weight in the data plane."""
        return (await self.platform.inner.router.read(rollout.service)).weight

    async def serving(self, rollout: Rollout) -> str:
        """Who gets traffic, as the data plane says it: 'v1', 'v2', or the split."""
        split = await self.platform.inner.router.read(rollout.service)
        return split.stable if split.weight == 0 else str(split)

    async def running(self, rollout: Rollout) -> set[str]:
        """The revisions that run."""
        orchestrator = self.platform.inner.orchestrator
        found = set()
        for revision in (rollout.stable, rollout.canary):
            if (await orchestrator.readiness(rollout.service, revision)).wanted:
                found.add(revision.name)
        return found
