"""The Envoy that follows routes and listeners, after a delay, losing no request."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections import deque
from pathlib import Path

from chimera.platforms.envoy.files import write_atomic
from chimera.sandbox.plane import rendering, topology
from chimera.sandbox.plane.block import Block
from chimera.sandbox.plane.http import fetch
from chimera.sandbox.plane.processes import Processes
from chimera.sandbox.plane.topology import Topology
from chimera.sandbox.world import World

_LOWEST_PORT = 1024
_SETTLED_WITHIN_S = 5.0


class Gateway:
    """One Envoy for all ways in; each has an address of its own."""

    def __init__(
        self, world: World, block: Block, processes: Processes, envoy: Path, home: Path
    ) -> None:
        self._world = world
        self._block = block
        self._processes = processes
        self._envoy = envoy
        self._home = home / "gateway"
        self._xds = self._home / "xds"
        self._child: subprocess.Popen[bytes] | None = None
        self.admin = block.take()
        self._addresses: dict[str, str] = {}
        self._waiting: deque[tuple[float, Topology]] = deque()
        self._seen = Topology()
        self._applied = Topology()
        self.urls: dict[str, str] = {}
        self._files: dict[str, str] = {}

    async def tick(self) -> None:
        """Notice what changed, and apply what has waited long enough."""
        with self._world.lock:
            now_wanted = topology.read(self._world)
        now = time.monotonic()
        if now_wanted != self._seen:
            self._seen = now_wanted
            due = now + self._world.options.propagation.total_seconds()
            self._waiting.append((due, now_wanted))
        latest = None
        while self._waiting and self._waiting[0][0] <= now:
            latest = self._waiting.popleft()[1]
        if latest is not None:
            await self._apply(latest)

    async def _apply(self, wanted: Topology) -> None:
        self._xds.mkdir(parents=True, exist_ok=True)
        # What is new comes first and what is gone goes last: no request meets a missing pool, nor
        # one that is left by its targets while routes still lead to it.
        names = {pool.name for pool in wanted.pools}
        kept = tuple(pool for pool in self._applied.pools if pool.name not in names)
        rerouted = wanted.entries != self._applied.entries
        for pool in topology.united(self._applied, wanted) if rerouted else wanted.pools:
            self._write(f"eds-{pool.name}", [rendering.assignment(pool)])
        both = (*wanted.pools, *kept)
        changed = self._write("cds", [rendering.cluster(pool, self._xds) for pool in both])
        if self._child is None:
            self._write("lds", [])
            self._start()
        if changed or self._child is None:
            await self._until_warm(len(both))
        for entry in wanted.entries:
            self._write(f"rds-{rendering.slug(entry.name)}", [rendering.routes(entry)])
        self._write("lds", self._listeners(wanted))
        if rerouted or kept:
            await asyncio.sleep(0.2)
        for pool in wanted.pools:
            self._write(f"eds-{pool.name}", [rendering.assignment(pool)])
        self._write("cds", [rendering.cluster(pool, self._xds) for pool in wanted.pools])
        self._applied = wanted

    def _listeners(self, wanted: Topology) -> list[rendering.Json]:
        listeners = []
        names = {entry.name for entry in wanted.entries}
        for gone in set(self._addresses) - names:
            self._block.give_back(self._addresses.pop(gone))
            self.urls.pop(gone, None)
        for entry in wanted.entries:
            if entry.name not in self._addresses:
                self._addresses[entry.name] = self._block.take()
            address = self._addresses[entry.name]
            # Ports below 1024 are root's: 80 is served on 8080, 443 on 8443.
            port = entry.port if entry.port >= _LOWEST_PORT else entry.port + 8000
            self.urls[entry.name] = f"http://{address}:{port}"
            listeners.append(rendering.listener(entry, address, port, self._xds))
        return listeners

    def _start(self) -> None:
        path = self._home / "bootstrap.json"
        path.write_text(json.dumps(rendering.bootstrap(self._xds, self.admin)), encoding="utf-8")
        argv = [str(self._envoy), "-c", str(path), "--concurrency", "2", "--disable-hot-restart"]
        self._child = self._processes.start([*argv, "-l", "warning"], log=self._home / "envoy.log")

    async def _until_warm(self, clusters: int) -> None:
        deadline = time.monotonic() + _SETTLED_WITHIN_S
        asked = "/stats?filter=cluster_manager.(active|warming)_clusters"
        while time.monotonic() < deadline:
            status, body = await fetch(self.admin, 9901, asked)
            counts = dict(re.findall(r"cluster_manager\.(\w+)_clusters: (\d+)", body.decode()))
            warm = counts.get("warming") == "0" and int(counts.get("active", 0)) >= clusters
            if status == 200 and warm:
                return
            await asyncio.sleep(0.03)

    def _write(self, name: str, resources: list[rendering.Json]) -> bool:
        text = rendering.discovery(resources)
        if self._files.get(name) == text:
            return False
        write_atomic(self._xds / f"{name}.json", text)
        self._files[name] = text
        return True
