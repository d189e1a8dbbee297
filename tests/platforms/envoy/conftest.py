"""A running front for each test: real Envoy, real upstreams, short socket paths, no leftovers."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.upstream import HEALTH_PATH, Upstream

from chimera.platforms.envoy.config import Layout
from chimera.platforms.envoy.front import EnvoyFront
from chimera.platforms.envoy.model import Cluster, Endpoint, Front, HealthCheck, TrafficOptions
from chimera.platforms.envoy.proc import ProcessId

CHECK = HealthCheck(HEALTH_PATH, interval=timedelta(seconds=0.2))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cluster(*upstreams: Upstream) -> Cluster:
    """Describe upstreams of one version as a cluster of that name."""
    endpoints = tuple(Endpoint("127.0.0.1", upstream.port) for upstream in upstreams)
    return Cluster(upstreams[0].version, endpoints, CHECK)


@dataclass
class Room:
    """Everything of one test; `front` is the last one described."""

    folder: Path
    envoy: EnvoyFront
    layout: Layout
    front: Front | None = None
    process: ProcessId | None = None
    _started: list[ProcessId] = field(default_factory=list)

    def describe(
        self, *versions: Upstream, canary: bool = True, options: TrafficOptions | None = None
    ) -> Front:
        """Describe a front whose first version is stable and whose second, if any, is canary."""
        self.front = Front(
            service="shop",
            port=self.front.port if self.front else free_port(),
            clusters=tuple(cluster(version) for version in versions),
            stable=versions[0].version,
            canary=versions[1].version if canary and len(versions) > 1 else None,
            options=options or TrafficOptions(),
        )
        return self.front

    async def start(self, front: Front) -> Front:
        """Start Envoy; the test's end stops it."""
        self.process = await self.envoy.start(front)
        self._started.append(self.process)
        return front

    async def close(self) -> None:
        """Stop whatever was started."""
        for process in self._started:
            await self.envoy.stop(process)
        await self.envoy.close()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for sockets: pytest's own are too long for some systems."""
    folder = Path(tempfile.mkdtemp(prefix="chm-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def room(short_folder: Path) -> AsyncIterator[Room]:
    """An empty room: nothing runs until `start`."""
    layout = Layout(short_folder, short_folder / "admin.sock", short_folder / "lease.sock")
    envoy = EnvoyFront(layout, port_locks=short_folder / "ports")
    room = Room(short_folder, envoy, layout)
    yield room
    await room.close()
