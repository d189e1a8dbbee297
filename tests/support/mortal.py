"""A controller as a process of its own, that kills itself (-9) at a chosen activity boundary.

    python -m tests.support.mortal '{"folder": ..., "kill_at": 7}'      (the fields of `Life`)

Prints the final phase of its rollout.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)
from tests.support import nursery
from tests.support.fileworld import FileLedger, FileWorld

from chimera.core.model import Fence, Revision, Service
from chimera.core.plan import AnalysisPlan, Limit, Rollout, RolloutPlan, Step
from chimera.engine.client import EngineClient
from chimera.engine.deps import EngineDeps
from chimera.engine.server import EmbeddedServer
from chimera.engine.settings import EngineSettings
from chimera.engine.worker import run_worker

SERVICE = Service("web", "file")


@dataclass(frozen=True, kw_only=True)
class Life:
    """What a controller is born with. All that survives it is in `folder`.

    errors: the share of the canary's requests that fail. kill_at: boundary 2n is before the n-th
    execution of an activity in this process, 2n + 1 after it; -1 is none. address: of a server
    elsewhere; "" for one that dies with it.
    """

    folder: str
    errors: float = 0.0
    kill_at: int = -1
    bake_s: float = 0.3
    address: str = ""

    @property
    def rollout(self) -> Rollout:
        """Its rollout, named like the folder."""
        bake = timedelta(seconds=self.bake_s)
        analysis = AnalysisPlan(
            timedelta(milliseconds=100),
            (Limit("error_rate", max=0.05, min_requests=20),),
            timedelta(seconds=10),
        )
        plan = RolloutPlan(
            steps=(Step(20, bake), Step(100, bake)),
            analysis=analysis,
            progress_deadline=timedelta(seconds=60),
            lease=timedelta(seconds=60),
        )
        name = Path(self.folder).name
        return Rollout(f"r-{name}", SERVICE, Revision("v1"), Revision("v2"), plan)

    @property
    def world(self) -> FileWorld:
        """The infrastructure."""
        return FileWorld(Path(self.folder), {"v2": self.errors})

    @property
    def ledger(self) -> FileLedger:
        """What was written down."""
        return FileLedger(Path(self.folder))

    @property
    def settings(self) -> EngineSettings:
        """Quick to notice a death."""
        return EngineSettings(
            address=self.address,
            folder=Path(self.folder) / "engine",
            task_queue=self.rollout.id,
            heartbeat_s=0.5,
            watch_heartbeat_s=0.5,
            sticky_s=0.5,
        )


def die() -> None:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class KillAt(Interceptor):
    """Kills this process at one activity boundary."""

    def __init__(self, boundary: int) -> None:
        self._boundary = boundary
        self.passed = 0

    def boundary(self) -> None:
        """Pass a boundary, or die there."""
        if self.passed == self._boundary:
            die()
        self.passed += 1

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Killing(next, self)


class _Killing(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, killer: KillAt) -> None:
        super().__init__(following)
        self._killer = killer

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        self._killer.boundary()
        result = await super().execute_activity(input)
        self._killer.boundary()
        return result


async def live(life: Life) -> str:
    """Run a worker, and a server unless there is one, until the end; return the final phase."""
    world, rollout, settings = life.world, life.rollout, life.settings
    if await world.stable(SERVICE) is None:
        await world.install(SERVICE, rollout.stable, Fence("before", 0))
    deps = EngineDeps(life.ledger, lambda _: world.platform)
    async with AsyncExitStack() as stack:
        address = life.address
        if not address:
            address = (await stack.enter_async_context(EmbeddedServer(settings))).address
        client = await EngineClient.connect(settings, address)
        killer = KillAt(life.kill_at)
        await stack.enter_async_context(run_worker(settings, address, deps, [killer]))
        await client.start(rollout)
        return (await client.result(rollout.id)).phase.value


async def born(life: Life) -> nursery.Child:
    """Start a controller as a process."""
    words = (__name__, json.dumps(asdict(life)))
    return await nursery.quiet(*words, cwd=Path(__file__).parents[2], env=os.environ)


def run() -> None:
    """Be a controller until the end."""
    print(asyncio.run(live(Life(**json.loads(sys.argv[1])))), flush=True)  # noqa: T201
    os._exit(0)  # as the command does: the SDK's threads may call into what is taken down


if __name__ == "__main__":
    run()
