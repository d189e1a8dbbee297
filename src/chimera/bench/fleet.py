"""Many simulated rollouts on one real controller: engine, ledger and worker in its own process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from chimera.app.lock import find_controller
from chimera.app.settings import Settings
from chimera.bench.processes import find_child
from chimera.bench.stage import folder, running
from chimera.core.errors import ChimeraError
from chimera.core.events import AbortRequested, Restored, Shifted
from chimera.core.model import Fence, Revision, Service
from chimera.core.plan import AnalysisPlan, Limit, Rollout, RolloutPlan, Step
from chimera.engine.client import EngineClient
from chimera.platforms.memory import MemoryPlatform
from chimera.store import LookRow, Store, open_store

INTERVAL = timedelta(seconds=5)
PLAN = RolloutPlan(
    steps=(Step(10, timedelta(hours=1)), Step(100, timedelta(hours=1))),
    analysis=AnalysisPlan(
        interval=INTERVAL,
        limits=(
            Limit("error_rate", max=0.05, min_requests=20),
            Limit("latency_p95", max=1000.0, quantile=0.95),
        ),
        no_data_deadline=timedelta(hours=1),
    ),
    progress_deadline=timedelta(hours=1),
)
HANDS = 8  # rollouts started at a time
PATIENCE_S = 300.0  # with starting them
STABLE, CANARY = Revision("v1"), Revision("v2")


@dataclass(slots=True)
class Fleet:
    """Services that run v1, and the controller that rolls out v2 on them."""

    store: Store
    client: EngineClient
    worker_pid: int
    server_pid: int
    services: list[Service]
    rollouts: list[Rollout] = field(default_factory=list)
    aborted: set[str] = field(default_factory=set)

    async def grow(self, count: int, lease: timedelta) -> float:
        """Start rollouts until `count` run or PATIENCE_S is over; return how many a second."""
        plan = replace(PLAN, lease=lease)
        began, before = time.monotonic(), len(self.rollouts)
        waiting = iter(self.services[before:count])

        async def start() -> None:
            for service in waiting:
                if time.monotonic() - began > PATIENCE_S:
                    return
                rollout = Rollout(f"r-{service.name}", service, STABLE, CANARY, plan)
                await self.store.open_rollout(rollout, datetime.now(UTC))
                await self.client.start(rollout)
                self.rollouts.append(rollout)

        await asyncio.gather(*(start() for _ in range(HANDS)))
        return (len(self.rollouts) - before) / (time.monotonic() - began)

    async def watched(self, *, within_s: float) -> None:
        """Wait until every rollout had its first judged look."""
        without = list(self.rollouts)

        async def none_without() -> bool:
            while without and await self._has_looks(without[-1].id):
                without.pop()
            return not without

        await _until(within_s, none_without)

    async def _has_looks(self, rollout: str) -> bool:
        return bool(await self.store.looks(rollout, limit=1))

    async def abort(self, rollout: Rollout) -> float:
        """Abort a rollout; return the seconds until all its traffic was back on stable."""
        issued = datetime.now(UTC)
        self.aborted.add(rollout.id)
        await self.client.request(rollout.id, AbortRequested(at=issued, by="bench"))
        restored: list[datetime] = []

        async def found() -> bool:
            events = await self.store.events(rollout.id)
            restored.extend(row.at for row in events if isinstance(row.event, Restored))
            return bool(restored)

        await _until(120, found)
        return (restored[0] - issued).total_seconds()

    async def lateness(self, since: datetime, until: datetime) -> list[float]:
        """Return how late each look of that time was, seconds, against its watch's schedule.

        That is fixed by the watch's start, its first reading: a look is due after each INTERVAL
        from then on. So what is always late is late, and what was once missed stays so.
        """
        late: list[float] = []
        for rollout in self._live():
            late += lateness(await self.store.looks(rollout.id), since, until)
        return late

    async def beginnings(self) -> list[float]:
        """Return how long after its weight was set each watch had its first reading, seconds."""
        found = []
        for rollout in self._live():
            looks = await self.store.looks(rollout.id, limit=1)
            events = await self.store.events(rollout.id)
            shifted = next((row.at for row in events if isinstance(row.event, Shifted)), None)
            if looks and shifted is not None:
                found.append((_begun(looks) - shifted).total_seconds())
        return found

    def _live(self) -> list[Rollout]:
        return [one for one in self.rollouts if one.id not in self.aborted]


def lateness(rows: Sequence[LookRow], since: datetime, until: datetime) -> list[float]:
    """Return how late the looks of some time were, seconds. rows: of one watch, from its first.

    None counts as early: it is the first reading that was late then.
    """
    counted = [row for row in rows if since <= row.at < until]
    due = [_begun(rows) + (row.record.number - _first(rows) + 1) * INTERVAL for row in counted]
    late = [row.at - at for row, at in zip(counted, due, strict=True)]
    return [max(one.total_seconds(), 0.0) for one in late]


def _first(rows: Sequence[LookRow]) -> int:
    return rows[0].record.number


def _begun(rows: Sequence[LookRow]) -> datetime:
    """Return when a watch had its first reading: its first look covers the time from then on."""
    look = rows[0].record.look
    return look.at - look.span


async def _until(within_s: float, condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > deadline:
            raise ChimeraError(f"the fleet did not get there within {within_s:.0f} s")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def fleet(size: int) -> AsyncIterator[Fleet]:
    """Run a controller beside `size` services, as a former one would have left them."""
    services = [
        Service(f"web-{number:04}", "memory", {"rate": 100, "errors": "0.1%"})
        for number in range(size)
    ]
    with folder() as home:
        settings = Settings.from_environment({"CHIMERA_HOME": str(home)})
        async with open_store(settings.ledger_url) as store:
            await _furnish(store, services)
            async with running(settings):
                found = find_controller(home)
                if found is None:
                    raise ChimeraError("the controller ended at its start")
                yield Fleet(
                    store=store,
                    client=await EngineClient.connect(settings.engine, found.address),
                    worker_pid=found.pid,
                    server_pid=find_child(found.pid, "temporal"),
                    services=services,
                )


async def _furnish(store: Store, services: list[Service]) -> None:
    platform = MemoryPlatform(store.inventory)
    for service in services:
        await platform.orchestrator.install(service, STABLE, Fence("before", 1))
