"""The data plane's thread: services, tasks, gateways, agents, each looked after in turn."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from chimera.platforms.envoy.process import find_binary
from chimera.sandbox.faults import Faults
from chimera.sandbox.plane.agent import Agent
from chimera.sandbox.plane.balancer import BalancerMetrics
from chimera.sandbox.plane.block import Block
from chimera.sandbox.plane.gateway import Gateway
from chimera.sandbox.plane.processes import Processes
from chimera.sandbox.plane.scheduler import Scheduler
from chimera.sandbox.plane.targets import HealthChecks
from chimera.sandbox.plane.tasks import TaskLife, Tools
from chimera.sandbox.world import Json, Region, World

_TICK_S = 0.1
_log = logging.getLogger(__name__)


class Plane:
    """Runs everything that really runs. The thread starts every child, so all end with it."""

    def __init__(self, world: World, faults: Faults, home: Path) -> None:
        self._world = world
        self._faults = faults
        self._block = Block()
        self._processes = Processes()
        envoy = find_binary()
        self._tools = Tools(world, faults, self._block, self._processes, envoy, home)
        self._scheduler = Scheduler(world)
        self._gateway = Gateway(world, self._block, self._processes, envoy, home)
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._agents: dict[str, asyncio.Task[None]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-plane", daemon=True)
        self._thread.start()

    @property
    def urls(self) -> dict[str, str]:
        """Where users come in: "mesh/router" or "balancer:port" -> URL."""
        return dict(self._gateway.urls)

    def close(self) -> None:
        """Stop everything at once and wait until it is gone."""
        self._stopping.set()
        self._thread.join()
        self._block.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        finally:
            self._processes.close()

    async def _live(self) -> None:
        checks = HealthChecks(self._world)
        metrics = BalancerMetrics(self._world, self._faults, self._gateway.admin)
        loops = [
            asyncio.create_task(self._every(self._look_after_tasks)),
            asyncio.create_task(self._every(self._gateway.tick)),
            asyncio.create_task(self._every(checks.tick)),
            asyncio.create_task(self._every(metrics.tick)),
        ]
        await asyncio.to_thread(self._stopping.wait)
        for one in (*loops, *self._lives.values(), *self._agents.values()):
            one.cancel()
        # Shielded endings wait for drains; the children are killed without them.
        await asyncio.wait(loops)

    async def _every(self, tick: Callable[[], Awaitable[None]]) -> None:
        told = 0.0
        while True:
            try:
                await tick()
            except Exception:  # one broken record must not stop the whole range
                if time.monotonic() - told > 5:
                    told = time.monotonic()
                    _log.exception("sandbox.tick.failed")
            await asyncio.sleep(_TICK_S)

    async def _look_after_tasks(self) -> None:
        self._scheduler.tick()
        with self._world.lock:
            known = [
                (region, arn, task)
                for region in self._world.regions.values()
                for arn, task in region.ecs.tasks.items()
            ]
        for region, arn, task in known:
            if arn not in self._lives and task["lastStatus"] == "PROVISIONING":
                life = TaskLife(self._tools, region, task)
                self._lives[arn] = asyncio.create_task(life.live())
            self._look_after_agent(region, arn, task)
        for arn in [arn for arn, life in self._lives.items() if life.done()]:
            ended = self._lives.pop(arn)
            if not ended.cancelled() and (error := ended.exception()):
                _log.error("sandbox.task.failed", exc_info=error)

    def _look_after_agent(self, region: Region, arn: str, task: Json) -> None:
        runs = task["lastStatus"] == "RUNNING" and "_agent" in task
        if runs and arn not in self._agents:
            agent = Agent(self._world, self._faults, region, task["_agent"])
            self._agents[arn] = asyncio.create_task(agent.live())
        elif not runs and arn in self._agents:
            self._agents.pop(arn).cancel()
